"""Pure law: severity, deadlines, roles, names. Uses no store, no clock and no customer texts."""
