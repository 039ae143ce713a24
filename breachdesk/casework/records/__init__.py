"""Records that people keep beside a case: suppliers, informed bodies, complaints."""
