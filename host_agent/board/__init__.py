"""A board at its cable: the ports where it is, its MicroPython prompt, its files, and what may go wrong with it."""
