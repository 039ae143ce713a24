"""Render letters, check their required content, and lint them."""
