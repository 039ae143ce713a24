"""The SQLite store of the embedded deployment."""
