"""Command line: thin commands over casework, streams and the store."""
