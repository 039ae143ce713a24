"""Connections and limits of the HTTP server."""
