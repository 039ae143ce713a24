"""The types that all packages share. Imports pydantic and the standard library only."""
