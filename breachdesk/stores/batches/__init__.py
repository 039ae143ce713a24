"""What one batch of records writes, in one transaction, on both databases."""
