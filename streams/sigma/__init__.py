"""Load, compile, correlate and run Sigma rules."""
