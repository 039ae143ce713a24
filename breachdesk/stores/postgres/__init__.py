"""The store that many processes share."""
