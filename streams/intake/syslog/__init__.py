"""The syslog listeners."""
