"""Models of steps 5 to 10: cases, breaches, lists, letters, notices, reports."""
