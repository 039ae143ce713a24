"""Receive records over syslog and HTTP and from files, and append them to the event log."""
