"""Letters, their checks, approval, and the outbox rows that an approval makes."""
