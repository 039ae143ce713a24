"""Write one batch of records in one transaction, on both databases."""
