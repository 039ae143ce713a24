"""Sigma rules: loading, compiling, correlating and running them."""
