"""Letters: rendering, required content and linting."""
