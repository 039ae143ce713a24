"""A realistic incident from raw vendor lines to notices and reports, played as a drill."""
