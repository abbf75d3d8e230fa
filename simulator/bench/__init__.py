"""The page of the demo: press the keys, pull the cable, and watch the rating arrive."""
