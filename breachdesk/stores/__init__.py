"""Where everything is kept: one SQL database, one writer, many readers."""
