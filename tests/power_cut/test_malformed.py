"""Malformed bundles: each is refused or resumed with a named reason, by the shelf, the command and the terminal."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_agent.bundle import archive, manifest
from host_agent.bundle.cli import verify
from host_agent.bundle.contents import Bundle
from host_agent.errors import UserError
from host_agent.update.shelf import Shelf
from protocol import cbor
from protocol.reason_texts import NAMES
from tests.bundle_key import bundle_key
from tests.micropython_server import run_forked
from tests.power_cut import update_bundles

ROOT = Path(__file__).resolve().parents[2]
KEY = bundle_key()
PARTS = ({"a.mpy": b"one", "b/c.mpy": b"two" * 50}, {"assets/yp20.bin": b"glyphs"}, {"boot.py": b"pass\n"})


def bundle(board: str = "k5", version: str = "0.2.0", bootstrap: int = 1) -> Bundle:
    release = manifest.release_of(version)
    told = manifest.Manifest(board, version, release, 0, bootstrap, *(manifest.entries(part) for part in PARTS))
    data = told.encode()
    return Bundle("small", data, KEY.sign(data), *PARTS, told)


def other(data: bytes) -> Bundle:
    """Return a bundle with this in place of its signed manifest; its signature stays."""
    good = bundle()
    return Bundle("small", data, good.signature, *PARTS, good.told)


def signed_as(signature: bytes) -> Bundle:
    good = bundle()
    return Bundle("small", good.manifest, signature, *PARTS, good.told)


GOOD = bundle()
FLIPPED = bytes([GOOD.signature[0] ^ 1]) + GOOD.signature[1:]
# name → (bundle, what the terminal answers, whether shelf and command refuse it: they do not know the terminal)
MALFORMED = {
    "truncated": (other(GOOD.manifest[:-40]), "bad_signature", True),
    "altered": (other(GOOD.manifest.replace(b"0.2.0", b"0.3.0")), "bad_signature", True),
    "wrongly signed": (signed_as(FLIPPED), "bad_signature", True),
    "signed over something else": (signed_as(KEY.sign(b"else")), "bad_signature", True),
    "unsigned": (signed_as(bytes(384)), "bad_signature", True),
    "same": (bundle(version="0.1.0"), "too_old", False),
    "older": (bundle(version="0.0.8"), "too_old", False),
    "below the floor": (bundle(version="0.2.0"), "too_old", False),
    "foreign board": (bundle(board="t35"), "wrong_board", False),
    "needs a newer bootstrap": (bundle(bootstrap=2), "needs_bootstrap", False),
}
ON_THE_WAY = {"full": "full", "altered file": "bad_hash", "longer file": "out_of_range"}


def test_terminal_refuses_malformed_firmwares_by_name_and_goes_on_after_each_unplug(tmp_path: Path) -> None:
    update_bundles.write(tmp_path / "firmwares.cbor")
    offered = [[name, made.signature + made.manifest] for name, (made, *_) in MALFORMED.items()]
    (tmp_path / "malformed.cbor").write_bytes(cbor.encode(offered))
    script = str(ROOT / "tests/power_cut/update_refusals.py")
    arguments = [script, str(tmp_path / "firmwares.cbor"), str(tmp_path / "malformed.cbor")]
    code, output = run_forked(arguments, f"{ROOT}:{ROOT}/firmware:.frozen", "16M", 120.0)
    assert code == 0, output
    found = {name: NAMES[int(reason)] for name, reason in re.findall(r"^refused (.+): (\d+)$", output, re.M)}
    assert found == {name: reason for name, (_, reason, _) in MALFORMED.items()} | ON_THE_WAY
    assert int(re.search(r"^unplugged (\d+)$", output, re.M)[1]) > 20


@pytest.mark.parametrize("name", MALFORMED)
def test_shelf_and_verify_refuse_what_is_not_signed_as_it_is(name: str, tmp_path: Path) -> None:
    made, _, refused = MALFORMED[name]
    path, key = tmp_path / "bundle.zip", tmp_path / "bundle.key"
    path.write_bytes(archive.pack(made))
    key.write_bytes(KEY.modulus)
    shelf = Shelf(tmp_path / "data", KEY.modulus)
    told = CliRunner().invoke(verify, [str(path), "--key", str(key)])
    if refused:
        with pytest.raises(UserError) as caught:
            shelf.put(path)
        assert caught.value.what and caught.value.cure
        assert told.exit_code != 0 and not shelf.folder.exists()
    else:
        assert shelf.put(path).board == made.board and told.exit_code == 0, told.output


def test_shelf_refuses_another_key_and_a_bundle_cut_off_anywhere(tmp_path: Path) -> None:
    path, data = tmp_path / "bundle.zip", archive.pack(GOOD)
    shelf = Shelf(tmp_path / "data", KEY.modulus)
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        with pytest.raises(UserError):
            shelf.put(path)
    path.write_bytes(data)
    with pytest.raises(UserError, match="sign"):
        Shelf(tmp_path / "data", KEY.modulus[:-1] + b"\x01").put(path)
    assert shelf.put(path).version == "0.2.0"
