"""Correlate signals to episodes in buckets, groups and windows. No side effects outside their own
state."""
