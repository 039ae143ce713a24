"""Splitting of received bytes into records."""
