"""The case file: a module a question, each yielding sections made of what is stored."""
