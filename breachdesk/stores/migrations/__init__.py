"""Alembic's migrations, shipped with the program."""
