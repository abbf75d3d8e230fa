"""Brings new firmware to the terminals of one agent: which bundle, when, one file at a time, and how it ended."""
