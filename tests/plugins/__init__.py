"""Options of our own for pytest."""
