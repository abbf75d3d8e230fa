"""Provisioning: give a terminal its secret, and the city the same secret in its key registry."""
