"""Steps 5 to 10, from a confirmed breach to letters and reports, and the assembly of the system."""
