"""Ground floor: the language everyone shares. Imports pydantic and the standard library only."""
