"""One book for each kind of record, and the unit of work that opens them."""
