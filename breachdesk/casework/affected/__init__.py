"""Who is affected: evidence, certainty, the list of exposures, and who has been notified."""
