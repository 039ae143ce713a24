"""The parsers: one file a format, each exporting PARSER with its own examples
(schemas/pipeline/plugin.py)."""
