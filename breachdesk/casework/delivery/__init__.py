"""Outbox as dispatchers use it, the hold on mail, and the outcome of each attempt."""
