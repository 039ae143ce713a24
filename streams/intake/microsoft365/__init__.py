"""Poll the Microsoft 365 Management Activity API for the audit records of many tenants."""
