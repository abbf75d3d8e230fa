"""Bundles: the same bytes from the same sources, accepted only whole and signed, refused with cause and cure."""

import io
import json
import os
import shutil
import zipfile

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from host_agent.bundle import archive, compiler, keys, layout, libraries, make, manifest, shipped, signature
from host_agent.bundle.cli import build, key, show, verify
from host_agent.bundle.contents import Bundle
from host_agent.errors import UserError
from protocol import cbor
from tests.bundle_key import bundle_key

KEY = bundle_key()
FILES = ({"a.mpy": b"one", "b/c.mpy": b"two" * 50}, {"assets/yp20.bin": b"glyphs"}, {"boot.py": b"pass\n"})


def small(**changes: object) -> Bundle:
    """Return a bundle of few files, with other words in its manifest."""
    told = manifest.Manifest("k5", "1.2.3", 1_002_003, 1_000_000, 1, *(manifest.entries(part) for part in FILES))
    raw = cbor.decode(told.encode())
    raw.update({int(number.removeprefix("key")): value for number, value in changes.items()})
    data = cbor.encode(raw)
    return Bundle("small", data, KEY.sign(data), *FILES, told)


PACKED = archive.pack(small())


def zipped(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)
    return buffer.getvalue()


def entries() -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(PACKED)) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def test_bundle_comes_back_from_its_file_as_it_was(tmp_path):
    path = tmp_path / "small.zip"
    archive.write(small(), path)
    found = archive.read(path)
    found.verify(KEY.modulus)
    assert (found.slot, found.packs, found.bootstrap_files) == FILES
    assert (found.board, found.version, found.release, found.floor, found.bootstrap) == (
        "k5", "1.2.3", 1_002_003, 1_000_000, 1,
    )  # fmt: skip
    assert archive.pack(found) == path.read_bytes()


def test_two_builds_in_other_folders_with_other_caches_are_the_same_bytes(tmp_path, monkeypatch):
    made = []
    for name in ("one", "deeper/down/two"):
        folder = tmp_path / name
        for tree in (layout.FIRMWARE, layout.PROTOCOL):
            shutil.copytree(tree, folder / tree.name, ignore=shutil.ignore_patterns("__pycache__"))  # other times, too
        monkeypatch.setenv("YIPING_SIM_CACHE", str(folder / "cache"))
        made.append(archive.pack(make.build("k5", KEY, folder / "firmware", folder / "protocol")))
    assert made[0] == made[1]
    found = archive.unpack(made[0], "made")
    modules = libraries.unpack(found.slot)
    assert {"app/session.mpy", "entry.mpy", "boards/k5.mpy", "assets/packs.json"} <= modules.keys()
    assert "boards/t35.mpy" not in modules and "assets/yp20.bin" in found.packs
    assert set(found.bootstrap_files) == {"boot.py", "main.py", "slots.mpy", "libraries.mpy", "mending.mpy"}


def test_nothing_that_somebody_put_into_a_cache_is_signed(tmp_path, monkeypatch):
    monkeypatch.setenv("YIPING_SIM_CACHE", str(tmp_path / "cache"))
    good = make.build("k5", KEY)
    for module in (tmp_path / "cache").glob("*.mpy"):
        module.write_bytes(b"M\x06\x00\x1f evil")
    assert make.build("k5", KEY).manifest != good.manifest  # the cache is believed where nothing is given away
    keys.make(tmp_path / "vendor.pem")
    options = ["--board", "k5", "--key", str(tmp_path / "vendor.pem"), "--out", str(tmp_path)]
    result = CliRunner().invoke(build, options)
    assert result.exit_code == 0, result.output
    assert archive.read(tmp_path / make.file_name("k5", good.version)).manifest == good.manifest


@pytest.mark.skipif(os.name == "nt", reason="folders have no mode on Windows")
def test_cache_of_an_installed_yiping_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.delenv("YIPING_SIM_CACHE", raising=False)
    monkeypatch.setattr(compiler, "ROOT", tmp_path)  # as in site-packages: no source tree
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    folder = compiler.cache_folder()
    assert folder.is_relative_to(tmp_path / "own") and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(UserError, match="other users may write"):
        compiler.cache_folder()


@pytest.mark.parametrize("board", ("k5", "t35"))
def test_build_refuses_a_text_whose_glyph_is_not_in_the_packs(tmp_path, board):
    firmware = tmp_path / "firmware"
    shutil.copytree(layout.FIRMWARE, firmware, ignore=shutil.ignore_patterns("__pycache__"))
    texts = firmware / "ui" / "texts_zh.py"
    texts.write_text(texts.read_text(encoding="utf-8").replace("请稍候", "請稍候"), encoding="utf-8")
    private = tmp_path / "vendor.pem"
    keys.make(private)
    options = ["--board", board, "--key", str(private), "--out", str(tmp_path), "--firmware", str(firmware)]
    result = CliRunner().invoke(build, options)
    assert result.exit_code == 1 and "needs 請" in result.output and "yiping glyphs build" in result.output
    assert not list(tmp_path.glob("*.zip"))


def test_manifest_is_the_same_whoever_signs(tmp_path):
    other = keys.make(tmp_path / "other")
    one, two = make.build("k5", KEY), make.build("k5", other)
    assert one.manifest == two.manifest and one.signature != two.signature
    with pytest.raises(UserError, match="not that of the accepted key"):
        two.verify(KEY.modulus)


def test_flash_files_are_laid_out_for_a_fresh_board():
    bundle = small()
    with pytest.raises(ValueError, match="verify"):
        bundle.flash_files()
    bundle.verify(KEY.modulus)
    files = bundle.flash_files()
    pack = layout.pack_place(layout.sha256(b"glyphs"))
    assert set(files) == {
        "boot.py", "bundle.key", "slots.json", "a/a.mpy", "a/b/c.mpy", "a/manifest.cbor", "a/manifest.sig", pack,
    }  # fmt: skip
    assert files["bundle.key"] == KEY.modulus and len(KEY.modulus) == 384
    assert json.loads(files["slots.json"]) == {"slot": "a", "trial": "", "tries": 0, "floor": 0, "back": 0}


def test_signature_is_checked_alike_by_the_library_and_by_plain_integers():
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signed = KEY.sign(b"message")
    KEY._private.public_key().verify(signed, b"message", padding.PKCS1v15(), hashes.SHA256())
    assert signature.is_signed(KEY.modulus, b"message", signed)
    for wrong in (b"", signed[:-1], signed + b"\x00", bytes(384), b"\xff" * 384, bytes([signed[0] ^ 1]) + signed[1:]):
        assert not signature.is_signed(KEY.modulus, b"message", wrong)
    assert not signature.is_signed(KEY.modulus, b"massage", signed)
    assert not signature.is_signed(KEY.modulus[:-1], b"message", signed)


REFUSED = {
    "no ZIP": lambda: b"no bundle at all",
    "empty": lambda: b"",
    "truncated": lambda: PACKED[:-30],
    "bytes before": lambda: b"#!/bin/sh\n" + PACKED,
    "bytes behind": lambda: PACKED + b"\x00",
    "altered file": lambda: PACKED.replace(b"one", b"uno"),
    "no manifest": lambda: zipped([pair for pair in entries() if pair[0] != "manifest.cbor"]),
    "no signature": lambda: zipped([pair for pair in entries() if pair[0] != "manifest.sig"]),
    "file missing": lambda: zipped([pair for pair in entries() if pair[0] != "slot/a.mpy"]),
    "file too many": lambda: zipped([*entries(), ("slot/more.mpy", b"more")]),
    "path upwards": lambda: zipped([*entries(), ("../../evil.py", b"more")]),
    "absolute path": lambda: zipped([*entries(), ("/etc/passwd", b"more")]),
    "name twice": lambda: zipped([*entries(), ("slot/a.mpy", b"one")]),
    "other file with its hash wrong": lambda: zipped([(n, b"uno" if n == "slot/a.mpy" else d) for n, d in entries()]),
    "bomb": lambda: zipped([("manifest.cbor", bytes(15 << 20))] + entries()[1:], zipfile.ZIP_DEFLATED),
    "packed": lambda: zipped(entries(), zipfile.ZIP_DEFLATED),
    "folder": lambda: zipped([*entries(), ("slot/", b"")]),
    "other order": lambda: zipped(entries()[::-1]),
    "short signature": lambda: zipped([(n, d[:-1] if n == "manifest.sig" else d) for n, d in entries()]),
    "too large": lambda: bytes(archive.MAX_BYTES + 1),
    "other format": lambda: archive.pack(small(key1="yiping bundle 2")),
    "board without a name": lambda: archive.pack(small(key2="../k5")),
    "version not its release": lambda: archive.pack(small(key4=1)),
    "floor above itself": lambda: archive.pack(small(key5=1_002_004)),
    "number that is none": lambda: archive.pack(small(key6="1")),
    "path out of the slot": lambda: archive.pack(small(key7=[["../boot.py", 1, bytes(32)]])),
    "hash too short": lambda: archive.pack(small(key7=[["a.mpy", 3, bytes(31)]])),
    "files not sorted": lambda: archive.pack(small(key7=[["b", 3, bytes(32)], ["a", 3, bytes(32)]])),
    "one key more": lambda: archive.pack(small(key10=1)),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("fault", REFUSED)
def test_damaged_or_forged_bundle_is_refused_with_cause_and_cure(fault, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(REFUSED[fault]())
    with pytest.raises(UserError) as caught:
        archive.read(path)
    assert caught.value.what and str(path) in caught.value.where and caught.value.cure


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255), st.integers(0, 3), st.binary(max_size=8))
def test_any_other_bytes_are_refused_or_not_signed(at, flip, kind, more):
    damaged = (
        PACKED[:at] + bytes([PACKED[at] ^ flip]) + PACKED[at + 1 :],
        PACKED[:at],
        PACKED[:at] + more + PACKED[at + len(more) :],
        PACKED[:at] + more + PACKED[at:],
    )[kind]
    try:
        archive.unpack(damaged, "fuzz").verify(KEY.modulus)
        accepted = True
    except UserError:
        accepted = False
    assert accepted == (damaged == PACKED)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_manifest_are_refused(data):
    with pytest.raises(UserError):
        manifest.decode(data, "fuzz")


def test_firmware_that_names_no_version_or_refuses_itself_is_not_built(tmp_path):
    shutil.copytree(layout.FIRMWARE / "app", tmp_path / "app")
    version = tmp_path / "app/version.py"
    text = version.read_text()
    for old, new in (('FLOOR = "', 'FLOOR = "9'), ("BOOTSTRAP = 1", ""), ('FIRMWARE = "0', 'FIRMWARE = "x')):
        version.write_text(text.replace(old, new, 1))
        with pytest.raises(UserError):
            make.versions(tmp_path)
    with pytest.raises(UserError, match="no such board"):
        make.build("k9", KEY)


def test_package_and_firmware_have_one_version():
    import tomllib

    project = tomllib.loads((layout.ROOT / "pyproject.toml").read_text())["project"]
    assert make.versions(layout.FIRMWARE)[0] == project["version"]


def test_commands_make_a_key_build_show_and_verify(tmp_path):
    run = CliRunner().invoke
    private = tmp_path / "vendor.pem"
    made = run(key, [str(private)])
    assert made.exit_code == 0 and "PRIVATE" not in made.output, made.output
    assert private.stat().st_mode & 0o777 == 0o600
    assert run(key, [str(private)]).exit_code == 1  # none is overwritten
    assert run(key, [str(layout.ROOT / "secret.pem")]).exit_code == 1 and not (layout.ROOT / "secret.pem").exists()
    built = run(build, ["--board", "k5", "--key", str(private), "--out", str(tmp_path)])
    assert built.exit_code == 0, built.output
    bundle, public = next(tmp_path.glob("yiping-k5-*.zip")), f"{private}.public"
    told = json.loads(run(show, [str(bundle), "--key", public, "--json"]).output)
    assert told["board"] == "k5" and told["signed"].startswith("by ") and len(told["slot"]) > 10
    table = run(show, [str(bundle), "--key", public]).output
    assert f"version    {told['version']}" in table and told["manifest"] in table
    assert run(verify, [str(bundle), "--key", public]).exit_code == 0
    other = tmp_path / "other.public"
    other.write_bytes(KEY.modulus)
    refused = run(verify, [str(bundle), "--key", str(other)])
    assert refused.exit_code == 1 and "not that of the accepted key" in refused.output


def test_key_with_a_passphrase_needs_it_and_one_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "key.pem"
    made = keys.make(path, "word")
    assert keys.load(path, "word").modulus == made.modulus
    for wrong in (None, "other"):
        with pytest.raises(UserError):
            keys.load(path, wrong)
    path.chmod(0o644)
    with pytest.raises(UserError, match="others may read"):
        keys.load(path, "word")
    with pytest.raises(UserError, match="no key"):
        keys.load(tmp_path / "missing")


def test_shipped_bundles_are_those_of_every_board_and_say_that_they_are_for_development(tmp_path, monkeypatch):
    written = shipped.ship(tmp_path / "shipped", KEY, development=True)
    monkeypatch.setattr(shipped, "INSTALLED", tmp_path / "shipped")
    assert [path.name.split("-")[1] for path in written] == ["k5", "t35"]
    assert shipped.bundle("t35").board == "t35" and shipped.is_development()
    done = CliRunner().invoke(verify, [])
    assert done.exit_code == 0 and "development key" in done.output
    with pytest.raises(UserError, match="no bundle for board"):
        shipped.bundle("k9")
