"""Receive records over HTTP."""
