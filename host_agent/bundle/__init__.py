"""What is flashed on a terminal: compiled, packed and signed as one reproducible file.

Others use `make.build`, `archive.read`, `shipped.bundle` and the Bundle that these return. The simulator flashes its
terminals with it, too (docs/decisions/0008-bundle.md).
"""
