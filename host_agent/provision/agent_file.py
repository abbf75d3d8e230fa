"""Names another terminal for a window in an agent's configuration, changing that line and nothing else."""

import re
from pathlib import Path

from host_agent import config as configuration
from host_agent import folders
from host_agent.errors import UserError

_TABLE = re.compile(r"\s*\[")
_WINDOW = re.compile(r"\s*\[\[\s*window\s*\]\]\s*(#.*)?$")
_KEY = re.compile(r"""(\s*terminal\s*=\s*)(["'])([^"']*)(["'])(\s*(#.*)?)$""")
_ID = re.compile(r"""\s*id\s*=\s*["']([^"']*)["']\s*(#.*)?$""")


def line_of(terminal: str) -> str:
    """Return the line that a window's table must have."""
    return f'terminal = "{terminal}"'


def put_terminal(path: Path, window: str, terminal: str) -> str | None:
    """Name the terminal of a window; return the one named before, None when nothing had to be changed.

    :raises UserError: the file cannot be read or written, has no such window, or is written in a way not known here.
    """
    before = configuration.load(path)
    section = next((one for one in before.windows if one.id == window), None)
    known = ", ".join(one.id for one in before.windows)
    if section is None:
        raise UserError(f"this agent has no window {window}", str(path), f"name one of: {known}")
    if section.terminal == terminal:
        return None
    if any(one.terminal == terminal for one in before.windows):
        raise UserError(f"{terminal} stands at another window of this agent", str(path), "take it away there first")
    text = path.read_bytes().decode()
    changed = _changed(text, window, terminal)
    cure = f"write {line_of(terminal)} into the table of window {window} yourself"
    if changed is None:
        raise UserError("the line that names the terminal was not found", f"{path}: window {window}", cure)
    trial = path.with_name(f"{path.name}.new")
    try:
        trial.write_bytes(changed.encode())
        trial.chmod(path.stat().st_mode & 0o777)
        after = configuration.load(trial)
        if [one.terminal for one in after.windows if one.id == window] != [terminal]:
            raise UserError("the changed file does not say what it should", str(path), cure)
        trial.replace(path)
        folders.sync(path.parent)
    except OSError as error:
        raise UserError(f"cannot write the configuration: {error.strerror or error}", str(path), cure) from None
    finally:
        trial.unlink(missing_ok=True)
    return section.terminal


def _changed(text: str, window: str, terminal: str) -> str | None:
    """Return the text with one line changed, None when that line cannot be told."""
    lines = text.splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if _TABLE.match(line)] + [len(lines)]
    found: list[int] = []
    for start, end in zip(starts, starts[1:], strict=False):
        if not _WINDOW.match(lines[start].rstrip("\r\n")):
            continue
        table = range(start + 1, end)
        if any((one := _ID.match(lines[at].rstrip("\r\n"))) and one[1] == window for at in table):
            found += [at for at in table if _KEY.match(lines[at].rstrip("\r\n"))]
    if len(found) != 1:
        return None
    line = lines[found[0]]
    bare = line.rstrip("\r\n")
    match = _KEY.match(bare)
    assert match is not None
    lines[found[0]] = f'{match[1]}"{terminal}"{match[5]}' + line[len(bare) :]
    return "".join(lines)
