"""Speaks the languages of old counter software and old raters; each language has files of its own, none knows another.

What they share: evaluation.py (an order and its end), start.py (puts them together for the agent).
"""
