"""Six kinds of clients at one agent, each with one rating from the key to the city."""
