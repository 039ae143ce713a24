"""Step 2: recognises a record's format, attributes its event to a customer, and counts both."""
