"""The terminal's test of its own parts. Loaded when a test is due, and forgotten after it: see link/checks.py."""
