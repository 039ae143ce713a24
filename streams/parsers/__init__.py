"""The parsers: one file or one package a format, each exporting PARSER with its own examples
(schemas/pipeline/plugin.py)."""
