"""Libraries: packed by the bundle, imported from by MicroPython, which keeps nothing of them in memory."""

from pathlib import Path

import pytest

from host_agent.bundle import libraries
from host_agent.bundle.compiler import cache_folder, compile_source
from host_agent.errors import UserError
from tests.lint.sources import ROOT
from tests.micropython_server import run_forked

SOURCES = {
    "app/one.py": "NAME = 'one'\n",
    "app/two.py": "from app import one\nNAME = one.NAME + ' and two'\n",
    "app/tw.py": "NAME = 'not two'\n",
    "boards/__init__.py": "NAME = 'package'\n",
    "boards/k5.py": "from boards import NAME\nNAME += ' and board'\n",
    "ui/screens/rate.py": "NAME = 'deep'\n",
    "ui/late.py": "NAME = 'late'\n",
    "entry.py": "NAME = 'entry'\n",
}
SCRIPT = """
import os, sys, vfs
import libraries
os.chdir("{place}")
libraries.use("a")
assert sys.path[0] == "/a:" and sys.path[0][1] == "a"
mounted = vfs.mount()[0][0]
import entry, app.two, app.tw, boards.k5, ui.screens.rate, time
assert entry.NAME == "entry" and app.two.NAME == "one and two" and app.tw.NAME == "not two"
assert boards.k5.NAME == "package and board" and ui.screens.rate.NAME == "deep" and time.ticks_ms
assert len(mounted._index) < 40, "an index is kept"
for name in ("app.thre", "app.o", "app.one.more", "ui.screens.other", "ui.screen", "nothing", "nothing.more", "b"):
    try:
        __import__(name)
        raise SystemExit(name)
    except ImportError:
        pass
for path in ("/app/one.py", "/app/none.mpy", "/none/one.mpy", "/ui/none", "/none"):
    try:
        mounted.stat(path)
        raise SystemExit(path)
    except OSError:
        pass
os.mkdir("b")
with open("b/ui.lib", "wb") as file:  # the other slot's
    file.write(b"0000")
import ui.late
assert ui.late.NAME == "late"
vfs.umount("/a:")
print("done")
"""
DAMAGED = {
    "missing": None,
    "empty": b"",
    "no length": b"\xff" * 5_000,
    "length is no number": b"00x9\none.mpy 000026 000020\n",
    "index cut off": b"0099\none.mpy 0000",
    "offset is no number": b"0022\none.mpy zzz 000020\nM",
    "offset behind the end": b"0022\none.mpy 900000 000900\n",
    "module cut off": b"0022\none.mpy 000026 000900\nM\x06\x00\x1f",
    "another one": b"0022\ntwo.mpy 000026 000900\nM\x06\x00\x1f",
}


def compiled() -> dict[str, bytes]:
    built = {}
    for path, text in SOURCES.items():
        made = compile_source(text.encode(), path, cache_folder(), Path(path))
        built[path.removesuffix(".py") + ".mpy"] = made.read_bytes()
    return built


def run(folder: Path, script: str) -> str:
    path = folder / "script.py"
    path.write_text(script)
    code, output = run_forked([str(path)], f"{ROOT}/firmware:.frozen", "280K", 60.0)
    assert code == 0, output
    return output


def write(folder: Path, files: dict[str, bytes]) -> None:
    (folder / "a").mkdir()
    for path, data in files.items():
        (folder / "a" / path).write_bytes(data)


def test_every_folder_becomes_one_file_and_comes_back():
    files = compiled() | {"assets/packs.json": b"{}"}
    packed = libraries.pack(files)
    assert set(packed) == {"app.lib", "boards.lib", "ui.lib", "root.lib", "assets/packs.json"}
    assert libraries.unpack(packed) == files
    assert libraries.pack(dict(reversed(files.items()))) == packed
    assert packed["root.lib"].startswith(b"0025\nentry.mpy 000029 000030\nM")


def test_folder_called_as_the_library_of_what_lies_in_none_is_refused():
    with pytest.raises(UserError, match="root"):
        libraries.pack({"root/one.mpy": b"1", "one.mpy": b"2"})


def test_modules_are_imported_from_libraries_also_late_and_none_that_is_not_there(tmp_path):
    write(tmp_path, libraries.pack(compiled()))
    assert run(tmp_path, SCRIPT.format(place=tmp_path)).splitlines()[-1] == "done"


def test_damaged_library_ends_in_an_error_that_the_bootstrap_takes(tmp_path):
    write(tmp_path, libraries.pack(compiled()))
    script = f"import os, libraries\nos.chdir({str(tmp_path)!r})\nlibraries.use('a')\n"
    for name, data in DAMAGED.items():
        put = "os.remove('a/app.lib')" if data is None else f"open('a/app.lib', 'wb').write({data!r})"
        script += f"{put}\ntry:\n    import app.one\n    print('loaded')\n"
        script += f"except Exception as error:\n    print({name!r}, repr(error))\n"
    lines = run(tmp_path, script).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [name.partition(" ")[0] for name in DAMAGED], lines
