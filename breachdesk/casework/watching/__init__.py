"""Watch the sources: what is usual, what is wrong, who is watched by what."""
