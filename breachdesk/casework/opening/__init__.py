"""Triage of alerts, cases and their tasks, near misses."""
