"""The store of the embedded deployment."""
