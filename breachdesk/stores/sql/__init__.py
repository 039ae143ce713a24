"""Share statements and column expressions between SQLite and PostgreSQL."""
