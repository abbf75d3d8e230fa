"""Speaks the languages of old counter software and old raters; each file is one of them, no file knows another."""
