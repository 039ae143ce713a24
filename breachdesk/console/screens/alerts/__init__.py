"""Screens of alerts, sources and rules."""
