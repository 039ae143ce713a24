"""The hash-chained audit trail, its verification and its export."""
