"""The Alembic migrations, shipped with the program."""
