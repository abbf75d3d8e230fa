"""The terminal firmware on a real MicroPython, with its chips modelled at register level."""
