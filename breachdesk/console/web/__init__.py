"""Requests, sessions, permissions and headers of the console."""
