"""Logs, metrics, traces and the endpoints for operations."""
