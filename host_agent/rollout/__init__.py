"""Brings a new firmware to the terminals of a centre in waves, across all its agents; the city's side owns the plan."""
