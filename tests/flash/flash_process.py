"""`yiping flash` as a process of its own, so that signals and a kill at an exact place are real."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from host_agent.bundle import archive, make
from tests.bundle_key import bundle_key
from tests.flash.hall import Hall

ROOT = Path(__file__).parents[2]
END_S = 60.0
# Ends itself as `kill -9` does right after, or before, a method is called; nothing else of the program is changed.
_RUN = """
import importlib, json, os, signal, sys
from host_agent.cli import main

for module, owner, name, before in json.loads(sys.argv[1]):
    cls = getattr(importlib.import_module(module), owner)

    def cut(*args, _real=getattr(cls, name), _before=before, **named):
        if not _before:
            _real(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(cls, name, cut)
sys.argv[1:] = sys.argv[2:]
main()
"""


class FlashProcess:
    """Runs over the rows of a hall whose boards stand in its folder of ports; the hall's files are the process's."""

    def __init__(self, hall: Hall) -> None:
        folder = self.folder = hall.folder
        (folder / "k5.bundle").write_bytes(archive.pack(make.build("k5", bundle_key())))
        (folder / "test.public").write_bytes(bundle_key().modulus)
        lines = ["centre,window,board,terminal,reveal_level,link"]
        lines += [f"{row.centre},{row.window},{row.board},,," for row in hall.rows]
        (folder / "fleet.csv").write_text("\n".join(lines) + "\n")
        self._words = (
            "flash", "--fleet", "fleet.csv", "--bundle", "k5.bundle", "--key", "test.public",
            "--station", hall.station.path, "--ledger", hall.book.path, "--ports", folder / "ports" / "ttyACM*",
            "--drives", folder / "drives" / "*",
        )  # fmt: skip

    def start(self, *cut: tuple[str, str, str, bool], wait_s: float = 30.0) -> subprocess.Popen:
        """Begin a run; `cut` names module, class, method, and whether the process dies before it or after it."""
        words = [str(word) for word in (*self._words, "--wait", wait_s)]
        return subprocess.Popen(
            [sys.executable, "-c", _RUN, json.dumps(cut), *words], cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *cut: tuple[str, str, str, bool]) -> tuple[int, str]:
        """Run to the end; return the exit code and what was printed."""
        process = self.start(*cut)
        try:
            out, _ = process.communicate(timeout=END_S)
        finally:
            process.kill()
        return process.returncode, out

    def interrupt_at(self, word: str) -> tuple[int, str]:
        """Run until a line says `word`, press Ctrl-C, and return the exit code and all that was printed."""
        process = self.start()
        seen = ""
        try:
            for line in process.stdout:
                seen += line
                if word in line:
                    process.send_signal(signal.SIGINT)
                    break
            out, _ = process.communicate(timeout=END_S)
        finally:
            process.kill()
        return process.returncode, seen + out
