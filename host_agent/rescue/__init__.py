"""Gets the sealed events out of a terminal that cannot hand them out itself, and brings them to the city."""
