"""Pure law: severity, deadlines, roles, names. No store, no clock, no words for customers."""
