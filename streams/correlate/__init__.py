"""Signals in, episodes out: buckets, groups, windows. Pure but for their own state."""
