"""Reads a TOML file into attrs classes, strictly, and tells every fault of its shape at once.

Promise: an unknown key, a missing key and a value of another type are faults; nothing is converted on the quiet.
"""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import cattrs

from host_agent.errors import ManyUserErrors, UserError

_T = TypeVar("_T")
_KIND_NAMES = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    float: "a decimal number",
    list: "a list",
    dict: "a table",
}


def read(path: Path, shape: type[_T], page: str) -> _T:
    """Return the file at `path` as an object of `shape`; `page` is the manual that lists its keys.

    :raises UserError: (ManyUserErrors when there are several) naming file and key of each fault.
    """
    raw = _read_toml(path)
    try:
        return _converter().structure(raw, shape)
    except cattrs.BaseValidationError as error:
        raise ManyUserErrors(_shape_faults(path, page, error)) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UserError("no such configuration file", str(path), "give its path with --config") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot read the configuration: {reason}", str(path), "check the path and its rights"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not valid TOML: {error}", str(path), "correct that line") from None


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def strict(value: Any, kind: type) -> Any:
        # bool is an int in Python; in the file they are different things.
        if type(value) is not kind:
            raise TypeError(f"must be {_KIND_NAMES[kind]}, not {_KIND_NAMES.get(type(value), type(value).__name__)}")
        return value

    for kind in (str, int, bool):
        converter.register_structure_hook(kind, strict)
    converter.register_structure_hook(Path, lambda value, _: Path(strict(value, str)))
    return converter


def _shape_faults(path: Path, page: str, error: BaseException, key: str = "") -> list[UserError]:
    """Flatten cattrs' tree of errors into one fault a key."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        return [
            UserError("unknown key", f"{path}: {_dotted(key, name)}", f"remove it or correct its spelling, see {page}")
            for name in sorted(error.extra_fields)
        ]
    if isinstance(error, KeyError):
        return [UserError("missing key", f"{path}: {key}", f"add it, see {page}")]
    if isinstance(error, cattrs.BaseValidationError):
        return [fault for inner in error.exceptions for fault in _shape_faults(path, page, inner, _key_of(inner, key))]
    return [UserError(_type_text(error), f"{path}: {key}", "correct the value")]


def _key_of(error: BaseException, key: str) -> str:
    """Extend `key` by the place cattrs noted on `error`."""
    for note in getattr(error, "__notes__", ()):
        name = getattr(note, "name", None)
        if name is not None:
            return _dotted(key, str(name))
        index = getattr(note, "index", None)
        if index is not None:
            return f"{key}[{index}]"
    return key


def _type_text(error: BaseException) -> str:
    if isinstance(error, TypeError) and str(error).startswith("must be"):
        return str(error)
    return "must be a table"


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
