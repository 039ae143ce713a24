"""Run a realistic incident as a drill, from raw vendor lines to notices and reports."""
