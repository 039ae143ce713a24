"""Split received bytes into records."""
