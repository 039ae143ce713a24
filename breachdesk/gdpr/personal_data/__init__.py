"""Detection and redaction of personal data in texts."""
