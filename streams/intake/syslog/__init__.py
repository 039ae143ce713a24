"""Receive syslog over UDP and TCP."""
