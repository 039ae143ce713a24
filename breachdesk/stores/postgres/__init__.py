"""The PostgreSQL store, which many processes share."""
