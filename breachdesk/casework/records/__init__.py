"""Records that people keep with a case: suppliers, informed bodies, complaints."""
