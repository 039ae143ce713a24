"""The streaming pipeline: intake, event log, parsing, detection, correlation."""
