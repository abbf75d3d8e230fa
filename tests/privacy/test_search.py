"""The search of this folder finds what is planted: else its silence would prove nothing."""

import base64
import json
import random
import sqlite3
from urllib.parse import quote

import pytest

from tests.privacy import search
from tests.privacy.search import Search

NAME, NUMBER = "欧阳婧涵", "330102199001011234"
SEARCH = Search({"name": NAME, "number": NUMBER})

WRITERS = {
    "as it is": lambda text: text.encode(),
    "in UTF-16": lambda text: text.encode("utf-16"),
    "in UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "as Windows writes it in China": lambda text: text.encode("gb18030"),
    "as JSON": lambda text: json.dumps({"a": text}).encode(),
    "as JSON in JSON": lambda text: json.dumps(json.dumps([text])).encode(),
    "in hexadecimal": lambda text: text.encode().hex().encode(),
    "in great hexadecimal": lambda text: text.encode().hex().upper().encode(),
    "in a dump": lambda text: text.encode().hex(" ").encode(),
    "in an address": lambda text: quote(text).encode(),
    "in an address, in small letters": lambda text: quote(text).lower().encode(),
    "as bytes in a trace": lambda text: repr(text.encode()).encode(),
    "as ASCII in a trace": lambda text: ascii(text).encode(),
}


@pytest.mark.parametrize("how", WRITERS)
def test_planted_text_is_found_however_it_is_written(how):
    for text, name in ((NAME, "name"), (NUMBER, "number")):
        data = b"\x00before" + WRITERS[how](text) + b"behind\xff"
        assert any(found.startswith(name) for found in SEARCH.found_in(data)), (how, name)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("offset", range(7))
def test_planted_text_is_found_within_base64_at_every_offset(encode, encoding, offset):
    rng = random.Random(offset)
    for text, name in ((NAME, "name"), (NUMBER, "number")):
        data = encode(rng.randbytes(offset) + text.encode(encoding) + rng.randbytes(offset))
        assert any(found.startswith(name) for found in SEARCH.found_in(data)), name
    escaped = json.dumps({"n" * offset: NAME}).encode()
    assert SEARCH.found_in(base64.b64encode(escaped))


def test_nothing_is_found_where_nothing_is_planted():
    rng = random.Random(1)
    assert SEARCH.found_in(rng.randbytes(500_000)) == []
    assert SEARCH.found_in(base64.b64encode(rng.randbytes(100_000)) + bytes(range(256)) * 100) == []
    assert SEARCH.found_in("欧阳 婧涵 33010219900101123".encode()) == []


def test_canary_in_any_file_of_a_folder_is_found(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "agent.db-wal").write_bytes(bytes(5000) + NUMBER.encode() + bytes(5000))
    (tmp_path / "agent.log").write_text(json.dumps({"message": NAME}), encoding="ascii")
    (tmp_path / "empty").touch()
    found = {name: SEARCH.found_in(data) for name, data in search.files(tmp_path).items()}
    assert {name for name, what in found.items() if what} == {"data/agent.db-wal", "agent.log"}


def test_canary_in_a_database_is_found(tmp_path):
    path = tmp_path / "agent.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE services(id INTEGER, record BLOB)")
        conn.execute("INSERT INTO services VALUES (1, ?)", (json.dumps({"case": [{"level": 5}]}).encode(),))
        conn.execute("INSERT INTO services VALUES (2, ?)", (NAME,))
    conn.close()
    assert SEARCH.found_in(path.read_bytes()) == ["name as utf-8"]
    assert set(search.keys_of_database(path)) == {"services", "id", "record", "case", "level"}
