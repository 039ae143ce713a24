"""The acts of people on cases and breaches, and what follows from them; no database, no HTTP."""
