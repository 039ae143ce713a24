"""Closing a case, erasing its personal data, and retention."""
