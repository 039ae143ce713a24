"""Hold one plug-in a vendor of customer registers: PSA, billing and accounts systems."""
