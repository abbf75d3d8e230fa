"""Another module in the slot of a terminal without power: its library is packed anew around it."""

from pathlib import Path

from host_agent.bundle import libraries
from host_agent.bundle.compiler import cache_folder, compile_source


def files(slot: Path) -> dict[str, bytes]:
    """Return the files of a slot by path, each module by itself."""
    found = [path for path in slot.rglob("*") if path.is_file()]
    return libraries.unpack({path.relative_to(slot).as_posix(): path.read_bytes() for path in found})


def put(slot: Path, path: str, data: bytes | None) -> None:
    """Replace a file of a slot, in its library if it is a module; None takes it away, a .py is compiled."""
    whole = files(slot)
    if path.endswith(".py"):
        assert data is not None
        data = compile_source(data, path, cache_folder(), Path(path)).read_bytes()
        path = path.removesuffix(".py") + ".mpy"
    assert path in whole
    del whole[path]
    packed = libraries.pack(whole if data is None else whole | {path: data})
    for name, content in packed.items():
        (slot / name).write_bytes(content)
