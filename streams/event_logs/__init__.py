"""The append-only logs of raw records, in SQLite files and on Kafka."""
