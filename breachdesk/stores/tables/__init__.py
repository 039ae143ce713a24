"""Define tables, column types and the schema's version."""
