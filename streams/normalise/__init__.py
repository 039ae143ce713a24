"""Normalise records (step 2): recognise the format, attribute the event to a customer, and count
both."""
