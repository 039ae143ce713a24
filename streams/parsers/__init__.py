"""One file a format, each exporting PARSER with its own examples (schemas/plugin.py)."""
