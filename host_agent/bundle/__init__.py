"""What is flashed on a terminal: compiled, packed and signed as one reproducible file.

The simulator flashes its terminals with it, too (docs/decisions/0008-bundle.md).
"""
