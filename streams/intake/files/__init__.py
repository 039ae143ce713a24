"""Files that are read once or followed."""
