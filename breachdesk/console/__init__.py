"""The console: server-rendered pages, one screen a file. It decides nothing; casework does."""
