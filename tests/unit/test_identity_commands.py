"""`yiping identity`: a pair that is made opens what an agent seals to it, and no key is ever shown or replaced."""

import base64
import json
import os
import stat

import pytest
from click.testing import CliRunner

from host_agent import identity, public_key
from host_agent.cli import main
from protocol import cbor

IDENTITY = {"user_name": "赵钱孙", "certkey_gov": "330102199001011234"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Make a pair with the command; return the prefix and what was printed."""
    prefix = tmp_path_factory.mktemp("city") / "city"
    done = CliRunner().invoke(main, ["identity", "keygen", "--out", str(prefix)])
    assert done.exit_code == 0, done.output
    return prefix, done.output


def sealed_to(prefix):
    key = public_key.read(prefix.with_name("city.pub.pem"), "here")
    return base64.b64encode(identity.encrypt(key, cbor.encode(IDENTITY))).decode()


def opened(prefix, text):
    return CliRunner().invoke(main, ["identity", "open", "--key", f"{prefix}.key"], input=text)


def test_made_pair_is_named_fingerprinted_and_not_printed(pair):
    prefix, output = pair
    private = prefix.with_name("city.key").read_text(encoding="ascii")
    public = prefix.with_name("city.pub.pem").read_text(encoding="ascii")
    assert private.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert public_key.parse(public.encode()).fingerprint in output
    for line in private.splitlines():
        assert line not in output
    if os.name != "nt":
        assert stat.S_IMODE(prefix.with_name("city.key").stat().st_mode) == 0o600


def test_pair_is_never_replaced(pair):
    prefix, _ = pair
    before = prefix.with_name("city.key").read_bytes()
    done = CliRunner().invoke(main, ["identity", "keygen", "--out", str(prefix)])
    assert done.exit_code == 1 and "there is such a file already" in done.output
    assert prefix.with_name("city.key").read_bytes() == before


def test_folder_that_is_not_there_is_told(tmp_path):
    done = CliRunner().invoke(main, ["identity", "keygen", "--out", str(tmp_path / "no" / "city")])
    assert done.exit_code == 1 and done.output.startswith("yiping: cannot write the pair: No such file")


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "  {}\n",
        '"{}"',
        '{{"record": "service", "identity": "{}", "real_name": false}}',
        '{{"specversion": "1.0", "data": {{"identity": "{}"}}}}',
    ],
)
def test_sealed_identity_is_opened_in_every_form(pair, form):
    done = opened(pair[0], form.format(sealed_to(pair[0])))
    assert done.exit_code == 0, done.output
    assert done.output.count("\n") == 1 and json.loads(done.output) == IDENTITY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing was given"),
        ("no base64!", "this is no base64"),
        ("[]", "holds no sealed identity"),
        ('{"identity": null}', "holds no sealed identity"),
        ('{"identity": {"user_name": "x"}}', "holds no sealed identity"),
        ('{"identity": "AA=="}\n{"identity": "AA=="}', "not one JSON record"),
        ("[" * 100_000, "not one JSON record"),
        ("AAAA", "this key does not open it"),
        ("A" * 1_048_577, "far too much"),
        ('"中文"', "this is no base64"),
    ],
)
def test_what_cannot_be_opened_is_one_line(pair, text, why):
    done = opened(pair[0], text)
    assert done.exit_code == 1
    assert done.output.startswith("yiping: ") and done.output.count("\n") == 1 and why in done.output


def test_what_was_sealed_to_the_key_and_is_no_identity_is_refused(pair):
    key = public_key.read(pair[0].with_name("city.pub.pem"), "here")
    for plain in (b"\xff", cbor.encode([1])):
        done = opened(pair[0], base64.b64encode(identity.encrypt(key, plain)).decode())
        assert done.exit_code == 1 and "this key does not open it" in done.output


def test_private_key_that_others_may_read_is_refused(pair, tmp_path):
    copy = tmp_path / "city.key"
    copy.write_bytes(pair[0].with_name("city.key").read_bytes())
    copy.chmod(0o644)
    done = opened(tmp_path / "city", "AAAA")
    assert done.exit_code == 1 and "others may read the private key" in done.output


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff", b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"]
)
def test_file_that_is_no_private_key_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "city.key").write_bytes(content)
        (tmp_path / "city.key").chmod(0o600)
    done = opened(tmp_path / "city", "AAAA")
    assert done.exit_code == 1 and done.output.count("\n") == 1
    assert ("no private key" if content is not None else "cannot read the private key") in done.output


def test_public_key_is_no_private_key(pair):
    done = CliRunner().invoke(main, ["identity", "open", "--key", str(pair[0].with_name("city.pub.pem"))], input="AAAA")
    assert done.exit_code == 1 and "no private key of the city" in done.output
