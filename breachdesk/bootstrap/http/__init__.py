"""The HTTP server's connections and limits."""
