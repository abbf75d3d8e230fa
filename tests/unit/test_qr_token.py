"""Tokens in QR codes: sound ones say what they are for, all others are refused by name; codes fit the terminal."""

import json
import re

import pytest
import zxingcpp
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from host_agent import config, qr_codes, qr_token
from host_agent.cli import main
from host_agent.errors import UserError
from host_agent.qr_token import Key, TokenError
from ui import qr

KEY = Key(7, bytes(range(32)))
NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000
INVITE = bytes(range(16))
BASE = "HTTPS://PJ.EXAMPLE.CN/T"


def refused(token: str, keys: tuple[Key, ...] = (KEY,), now_ms: int = NOW_MS) -> str:
    with pytest.raises(TokenError) as found:
        qr_token.check(token, {key.id: key for key in keys}, now_ms)
    return found.value.code


@given(st.sampled_from(sorted(qr_token.KIND_NAMES)), st.binary(min_size=16, max_size=16), st.integers(0, 4 * 10**12))
def test_token_says_what_it_was_made_for_for_seven_days(kind: int, subject: bytes, made_ms: int):
    token = qr_token.make(KEY, kind, subject, made_ms)
    assert re.fullmatch("[A-Z2-7]{50}", token)
    found = qr_token.check(token, {7: KEY}, made_ms + 7 * DAY_MS - 1)
    assert (found.kind, found.subject) == (kind, subject)
    assert made_ms + 7 * DAY_MS <= found.expires_utc_ms < made_ms + 7 * DAY_MS + 3_600_000
    assert refused(token, now_ms=found.expires_utc_ms) == "expired"


def test_token_of_a_window_never_ends_until_its_key_is_taken_out_of_use():
    subject = qr_token.window_subject("C01", "W01")
    token = qr_token.make(KEY, qr_token.WINDOW, subject, 0, None)
    assert qr_token.check(token, {7: KEY}, 10**14).expires_utc_ms is None
    assert refused(token, keys=(Key(8, KEY.secret),)) == "unknown_key"
    assert subject != qr_token.window_subject("C01W", "01") != qr_token.window_subject("C0", "1W01")


def test_every_altered_character_is_refused():
    token = qr_token.make(KEY, qr_token.INVITE, INVITE, NOW_MS)
    for index, char in enumerate(token):
        for other in "A7Q":
            if other != char:
                assert refused(token[:index] + other + token[index + 1 :]) in ("forged", "unknown_key", "malformed")


@pytest.mark.parametrize("token", ["", "A" * 49, "A" * 51, "a" * 50, "1" * 50, "é" * 50, "A" * 49 + "B"])
def test_what_is_no_token_is_malformed(token: str):
    assert refused(token) == "malformed"


@given(st.text(max_size=60))
def test_any_text_is_refused_by_name(text: str):
    assert refused(text) in ("malformed", "unknown_key", "forged")


def test_token_of_another_secret_is_forged_and_nothing_of_the_key_shows():
    token = qr_token.make(Key(7, bytes(32)), qr_token.INVITE, INVITE, NOW_MS)
    assert refused(token) == "forged"
    assert KEY.secret.hex() not in repr(KEY) and "secret" not in repr(KEY)


def test_code_of_an_invite_fits_the_terminal_and_scans():
    codes = qr_codes.Codes(BASE, KEY, "C01")
    address = codes.invite(INVITE, NOW_MS)
    side, bits = qr.unpack(qr_codes.packed(address))
    assert side <= qr_codes.SIDE_MAX
    picture = Image.new("L", (side + 8, side + 8), 255)
    for i in range(side * side):
        if bits[i >> 3] & 0x80 >> (i & 7):
            picture.putpixel((4 + i % side, 4 + i // side), 0)
    found = zxingcpp.read_barcodes(picture.resize((8 * picture.width, 8 * picture.height), Image.Resampling.NEAREST))
    assert [code.text for code in found] == [address] and address.startswith(BASE + "/")
    token = qr_token.check(address.rpartition("/")[2], {7: KEY}, NOW_MS)
    assert (token.kind, token.subject) == (qr_token.INVITE, INVITE)
    assert codes.invite(INVITE, NOW_MS) == address != codes.paper(INVITE, NOW_MS)


def test_longest_address_is_said_before_the_first_invite():
    longest = "HTTPS://PJ.EXAMPLE.CN/" + "T" * 41
    assert qr_codes.fits(longest) and not qr_codes.fits(longest + "T")


AGENT = '[agent]\nid = "pc"\ncentre = "C01"\n[[window]]\nid = "W01"\nterminal = "YP-0001"\n[qr]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('base_url = "https://pj.example.cn/t"\nkey_file = "qr.key"', "no address for a small code"),
        (f'base_url = "{BASE}{"T" * 60}"\nkey_file = "qr.key"', "is too long"),
        (f'base_url = "{BASE}"', "without qr.key_file"),
        ('key_file = "qr.key"', "without qr.base_url"),
        (f'base_url = "{BASE}"\nkey_file = "none.key"', "cannot read the key"),
        (f'base_url = "{BASE}"\nkey_file = "bad.key"', "is no key"),
    ],
)
def test_wrong_configuration_is_told_with_its_key(tmp_path, text: str, told: str):
    (tmp_path / "qr.key").write_text(qr_token.new_key_text(1))
    (tmp_path / "bad.key").write_text("yiping-qr 999 00\n")
    (tmp_path / "agent.toml").write_text(AGENT + text)
    with pytest.raises(UserError) as found:
        config.load(tmp_path / "agent.toml")
    assert told in str(found.value.message if hasattr(found.value, "message") else found.value)


def test_commands_make_a_key_and_say_what_a_code_is_for(tmp_path):
    run, key = CliRunner(), tmp_path / "qr.key"
    made = run.invoke(main, ["qr", "keygen", "--out", str(key), "--id", "3"])
    assert made.exit_code == 0 and key.stat().st_mode & 0o077 == 0
    secret = key.read_text().split()[2]
    assert secret not in made.output
    again = run.invoke(main, ["qr", "keygen", "--out", str(key)])
    assert again.exit_code == 1 and "there already" in again.output and secret in key.read_text()
    address = qr_codes.Codes(BASE, qr_token.read_key(key), "C01").window("W01")
    told = run.invoke(main, ["qr", "check", address, "--key", str(key), "--json"])
    assert json.loads(told.output) == {
        "kind": "window",
        "subject": qr_token.window_subject("C01", "W01").hex(),
        "until": None,
    }
    altered = address[:-5] + ("B" if address[-5] == "A" else "A") + address[-4:]
    refusal = run.invoke(main, ["qr", "check", altered, "--key", str(key)])
    assert refusal.exit_code == 1 and ("forged" in refusal.output or "malformed" in refusal.output)
