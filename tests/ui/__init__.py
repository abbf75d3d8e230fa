"""Screens, as pixels and as texts."""
