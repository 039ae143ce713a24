"""The SQL stores: one database each, with one writer and many readers."""
