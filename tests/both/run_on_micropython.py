"""Run one test function under MicroPython and say so: `run_on_micropython.py MODULE FUNCTION`."""

import sys


def main() -> None:
    """Import the module, call the function, print the line that the collector waits for."""
    module_name, function = sys.argv[1], sys.argv[2]
    module = __import__(module_name)
    for part in module_name.split(".")[1:]:
        module = getattr(module, part)
    getattr(module, function)()
    print("passed " + function)


main()
