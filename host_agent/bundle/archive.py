"""A bundle as a file: a ZIP that holds exactly what its manifest names, nothing packed, every date the same.

    manifest.cbor  manifest.sig  bootstrap/<path>  packs/<16 hex digits of the SHA-256>  slot/<path>

Each bundle has one form: what is read must come out again byte for byte when it is written, so a comment, bytes before
or behind, a second entry of the same name, a folder or a compressed entry are refused before anything is used.
"""

import io
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

from host_agent.bundle import layout, manifest
from host_agent.bundle.contents import Bundle
from host_agent.bundle.signature import KEY_BYTES
from host_agent.errors import UserError

MAX_BYTES = 16 << 20  # a bundle has 2 MB; a terminal's flash at most 4
MAX_ENTRIES = 2 * manifest.MAX_FILES
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3
_CURE = "take the bundle from where it was built again"
_SLOT, _BOOTSTRAP = "slot", "bootstrap"
# What zipfile raises for files that are no sound ZIP; it promises only the first one.
_UNSOUND = (zipfile.BadZipFile, ValueError, OverflowError, EOFError, NotImplementedError, RuntimeError, zlib.error)


def pack(bundle: Bundle) -> bytes:
    """Return the file of a bundle, the same for the same bundle."""
    entries = {layout.MANIFEST: bundle.manifest, layout.SIGNATURE: bundle.signature}
    entries |= {f"{_BOOTSTRAP}/{path}": data for path, data in sorted(bundle.bootstrap_files.items())}
    packs = {layout.pack_place(layout.sha256(data)): data for data in bundle.packs.values()}
    entries |= dict(sorted(packs.items()))
    entries |= {f"{_SLOT}/{path}": data for path, data in sorted(bundle.slot.items())}
    return _zipped(entries)


def write(bundle: Bundle, path: Path) -> None:
    """Write the file of a bundle; it is there whole or not at all. Raises UserError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder, path.name)
            part.write_bytes(pack(bundle))
            os.replace(part, path)
    except OSError as error:
        cure = "name a folder that you may write to"
        raise UserError(f"the bundle cannot be written: {error.strerror}", str(path), cure) from error


def read(path: Path) -> Bundle:
    """Return the bundle of a file; its signature is not checked yet. Raises UserError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"no bundle: it has more than {MAX_BYTES >> 20} MB", str(path), _CURE)
        return unpack(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"the bundle cannot be read: {error.strerror}", str(path), "check the path") from error


def unpack(data: bytes, where: str) -> Bundle:
    """Return the bundle in the bytes of a file, whose name errors tell. Raises UserError."""
    if len(data) > MAX_BYTES:
        raise UserError(f"no bundle: it has more than {MAX_BYTES >> 20} MB", where, _CURE)
    try:
        entries = _entries(data)
    except _UNSOUND as error:
        raise UserError(f"no bundle, or a damaged one: {error}", where, _CURE) from error
    for name in (layout.MANIFEST, layout.SIGNATURE):
        if name not in entries:
            raise UserError(f"no bundle: it has no {name}", where, _CURE)
    raw, signature = entries.pop(layout.MANIFEST), entries.pop(layout.SIGNATURE)
    if len(signature) != KEY_BYTES:
        raise UserError(f"the signature has {len(signature)} bytes, not {KEY_BYTES}", where, _CURE)
    told = manifest.decode(raw, where)
    parts = [
        {entry.path: _file(entries, place, entry, where) for entry, place in places}
        for places in (
            [(entry, f"{_SLOT}/{entry.path}") for entry in told.slot],
            [(entry, layout.pack_place(entry.digest)) for entry in told.packs],
            [(entry, f"{_BOOTSTRAP}/{entry.path}") for entry in told.bootstrap_files],
        )
    ]
    bundle = Bundle(where, raw, signature, parts[0], parts[1], parts[2], told)
    known = {f"{_SLOT}/{path}" for path in bundle.slot} | {f"{_BOOTSTRAP}/{path}" for path in bundle.bootstrap_files}
    known |= {layout.pack_place(entry.digest) for entry in told.packs}
    if strange := sorted(entries.keys() - known):
        raise UserError(f"{strange[0]!r} is in it, which its manifest does not name", where, _CURE)
    if pack(bundle) != data:
        raise UserError("the file is not in the one form that a bundle has", where, _CURE)
    return bundle


def _file(entries: dict[str, bytes], place: str, entry: manifest.Entry, where: str) -> bytes:
    """Return a file that the manifest names. Raises UserError when it is missing or another one."""
    data = entries.get(place)
    if data is None:
        raise UserError(f"{place} is missing in it", where, _CURE)
    if len(data) != entry.size or layout.sha256(data) != entry.digest:
        raise UserError(f"{place} is not the file that the manifest names", where, _CURE)
    return data


def _entries(data: bytes) -> dict[str, bytes]:
    """Return name → content of a ZIP in which nothing is compressed; raises one of _UNSOUND."""
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        found: dict[str, bytes] = {}
        infos = zipped.infolist()
        if len(infos) > MAX_ENTRIES or sum(info.file_size for info in infos) > len(data):
            raise ValueError("it says to hold more than it can")
        for info in infos:
            if info.filename in found:
                raise ValueError(f"{info.filename!r} is in it twice")
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits or info.file_size != info.compress_size:
                raise ValueError(f"{info.filename!r} is compressed or encrypted")
            found[info.filename] = zipped.read(info)
        return found


def _zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = _UNIX, _MODE
            zipped.writestr(info, data)
    return buffer.getvalue()
