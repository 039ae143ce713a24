"""Case file: a module for each question, each yielding sections built from what is stored."""
