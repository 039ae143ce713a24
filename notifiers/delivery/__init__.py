"""Dispatch of queued letters, messages and SMTP replies."""
