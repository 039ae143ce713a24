"""Read customer registers from folders and addresses, once or on a schedule."""
