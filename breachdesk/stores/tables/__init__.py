"""Tables, column types and the schema's version."""
