"""Statements and column helpers that SQLite and PostgreSQL share."""
