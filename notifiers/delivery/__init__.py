"""Dispatch queued letters, build messages, and classify SMTP replies."""
