"""store/content and store/incoming: what is taken and found again, what is refused, and what a failing disk does."""

import os
from hashlib import sha256

import pytest

from protocol import content, reasons
from store import incoming
from store.content import HASH_BYTES, Content
from store.incoming import FLUSH_BYTES, Incoming

CARD = bytes(range(256)) * 40
TABLE = b"\x81\x85\x18\x64\x00\xf5\xf4\x63tag"
OWN = {"glyphs": b"\x01"}


def shelf(tmp_path) -> Content:
    return Content(str(tmp_path / "content"), {"assets": OWN, "tagver": None})


def store(on: Content, data: bytes, name: str = "3017", kind: int = content.STAFF_CARD, block: int = 700) -> int:
    """Take a whole file; return the reason of its end."""
    taking = Incoming(on, lambda: False)
    reason, start = taking.open(kind, name, len(data), sha256(data).digest())
    while reason == reasons.OK and start < len(data):
        reason = taking.write(data[start : start + block])
        start += block
    return taking.close() if reason == reasons.OK else reason


def read(on: Content, name: str = "3017") -> bytes | None:
    """Return a card as the screen would find it."""
    found = on.card(name)
    if found is None:
        return None
    path, start, digest = found
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read()
    assert sha256(data).digest() == digest
    return data


def test_file_is_found_by_its_name_and_told_with_the_start_of_its_hash(tmp_path):
    on = shelf(tmp_path)
    changes = []
    on.on_change = lambda: changes.append(dict(on.identity))
    assert on.card("3017") is None
    assert store(on, CARD) == reasons.OK
    assert read(on) == CARD and on.card("3018") is None and on.card(3017) is None
    assert changes == [{"assets": {**OWN, "1/3017": sha256(CARD).hexdigest()[:8]}, "tagver": None}]
    assert shelf(tmp_path).identity == changes[0], "the next start finds it, too"


def test_names_of_any_letters_stay_apart(tmp_path):
    on = shelf(tmp_path)
    names = ["a/b", "..", "王", "A", "a", "x" * 40]
    for name in names:
        assert store(on, name.encode() * 3, name) == reasons.OK
    assert sorted(on.names(content.STAFF_CARD)) == sorted(names)
    assert all(read(on, name) == name.encode() * 3 for name in names)


def test_tag_table_tells_its_version(tmp_path):
    on = shelf(tmp_path)
    assert store(on, TABLE, content.TAG_TABLE_NAME, content.TAG_TABLE) == reasons.OK
    assert on.identity["tagver"] == sha256(TABLE).digest()[:4]
    assert store(on, b"", content.TAG_TABLE_NAME, content.TAG_TABLE) == reasons.OK
    assert on.identity == {"assets": OWN, "tagver": None}


def test_new_content_replaces_the_old_and_no_content_removes_it(tmp_path):
    on = shelf(tmp_path)
    store(on, CARD)
    assert store(on, CARD[::-1]) == reasons.OK and read(on) == CARD[::-1]
    assert store(on, b"") == reasons.OK and read(on) is None
    assert store(on, b"") == reasons.OK, "a file that is gone is removed already"
    assert os.listdir(on.folder) == []


def test_removal_takes_a_part_that_never_became_a_file_with_it(tmp_path):
    """Half a portrait of a clerk who is removed is a portrait, too."""
    on = shelf(tmp_path)
    taking = Incoming(on, lambda: False)
    taking.open(content.STAFF_CARD, "3017", len(CARD), sha256(CARD).digest())
    taking.write(CARD[:5_000])
    assert store(on, b"") == reasons.OK and os.listdir(on.folder) == []


def test_ninth_card_is_refused_as_full_and_a_known_one_is_not(tmp_path):
    on = shelf(tmp_path)
    for n in range(content.CARDS_MAX):
        assert store(on, CARD, str(n)) == reasons.OK
    assert store(on, CARD, "8") == reasons.FULL
    assert store(on, CARD[::-1], "7") == reasons.OK
    assert store(on, TABLE, content.TAG_TABLE_NAME, content.TAG_TABLE) == reasons.OK
    assert store(on, TABLE, "another", content.TAG_TABLE) == reasons.FULL
    assert store(on, b"", "0") == reasons.OK and store(on, CARD, "8") == reasons.OK


@pytest.mark.parametrize(
    ("kind", "name", "size", "reason"),
    [
        (content.NOTICE, "1", 10, reasons.UNSUPPORTED),
        (content.FIRMWARE_MANIFEST, "1", 10, reasons.UNSUPPORTED),
        (0, "1", 10, reasons.UNSUPPORTED),
        (content.STAFF_CARD, "", 10, reasons.OUT_OF_RANGE),
        (content.STAFF_CARD, "1", content.CARD_BYTES_MAX + 1, reasons.OUT_OF_RANGE),
        (content.TAG_TABLE, "tags", content.TAG_TABLE_BYTES_MAX + 1, reasons.OUT_OF_RANGE),
    ],
)
def test_what_a_terminal_does_not_keep_is_refused(tmp_path, kind, name, size, reason):
    on = shelf(tmp_path)
    assert Incoming(on, lambda: False).open(kind, name, size, bytes(32)) == (reason, 0)
    assert not os.path.exists(on.folder)


def test_full_file_system_is_told_before_anything_is_sent(tmp_path, monkeypatch):
    on = shelf(tmp_path)
    store(on, TABLE, content.TAG_TABLE_NAME, content.TAG_TABLE)
    free = incoming.RESERVE_BYTES + len(CARD) - 1
    monkeypatch.setattr(incoming.os, "statvfs", lambda path: (1, 1, 0, 0, free))
    assert store(on, CARD) == reasons.FULL
    assert len(os.listdir(on.folder)) == 1, "no part is left"
    monkeypatch.setattr(incoming.os, "statvfs", lambda path: (1, 1, 0, 0, free + 1))
    assert store(on, CARD) == reasons.OK


def test_transfer_goes_on_where_it_ended_and_another_one_begins_anew(tmp_path):
    on = shelf(tmp_path)
    taking = Incoming(on, lambda: False)
    digest = sha256(CARD).digest()
    assert taking.open(content.STAFF_CARD, "3017", len(CARD), digest) == (reasons.OK, 0)
    taking.write(CARD[:5000])
    taking.end()
    assert Incoming(on, lambda: False).open(content.STAFF_CARD, "3017", len(CARD), digest) == (reasons.OK, 5000)
    other = sha256(b"x" * 100).digest()
    assert Incoming(on, lambda: False).open(content.STAFF_CARD, "3018", 100, other) == (reasons.OK, 0)
    assert store(on, CARD) == reasons.OK and read(on) == CARD


def test_part_that_is_longer_than_the_file_or_has_no_hash_begins_anew(tmp_path):
    for damage in (lambda part: part + bytes(len(CARD)), lambda part: part[: HASH_BYTES - 1], lambda part: b""):
        on = shelf(tmp_path)
        taking = Incoming(on, lambda: False)
        taking.open(content.STAFF_CARD, "3017", len(CARD), sha256(CARD).digest())
        taking.write(CARD[:5000])
        taking.end()
        part = tmp_path / "content" / "part"
        part.write_bytes(damage(part.read_bytes()))
        assert store(on, CARD) == reasons.OK and read(on) == CARD
        store(on, b"")


def test_content_that_is_not_what_was_announced_is_dropped_and_the_old_file_stays(tmp_path):
    on = shelf(tmp_path)
    store(on, CARD)
    changes = []
    on.on_change = lambda: changes.append(1)
    taking = Incoming(on, lambda: False)
    taking.open(content.STAFF_CARD, "3017", 100, sha256(b"a" * 100).digest())
    taking.write(b"b" * 100)
    assert taking.close() == reasons.BAD_HASH
    assert read(on) == CARD and changes == [] and len(os.listdir(on.folder)) == 1


def test_sound_file_that_is_pushed_again_is_not_sent_and_a_damaged_one_is(tmp_path):
    on = shelf(tmp_path)
    store(on, CARD)
    digest = sha256(CARD).digest()
    taking = Incoming(on, lambda: False)
    assert taking.open(content.STAFF_CARD, "3017", len(CARD), digest) == (reasons.OK, len(CARD))
    assert taking.close() == reasons.OK and read(on) == CARD
    path = on.card("3017")[0]
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"?")
    assert taking.open(content.STAFF_CARD, "3017", len(CARD), digest) == (reasons.OK, 0)
    assert store(on, CARD) == reasons.OK and read(on) == CARD


def test_strange_files_in_the_folder_are_no_content(tmp_path):
    (tmp_path / "content").mkdir()
    for name in ("note.txt", "part", "1-30", "1-zz", "x-30", "1-"):
        (tmp_path / "content" / name).write_bytes(b"short")
    on = shelf(tmp_path)
    assert on.identity == {"assets": OWN, "tagver": None}
    assert store(on, CARD) == reasons.OK and read(on) == CARD


def test_disk_that_fails_is_told_and_no_file_is_hurt(tmp_path, monkeypatch):
    on = shelf(tmp_path)
    store(on, CARD)

    def fail(*_: object) -> None:
        raise OSError(5)

    for broken in ("rename", "statvfs"):
        with monkeypatch.context() as patch:
            patch.setattr(incoming.os, broken, fail)
            assert store(on, CARD[::-1]) == reasons.FAULT
        assert read(on) == CARD
    taking = Incoming(on, lambda: False)
    taking.open(content.STAFF_CARD, "3017", 9000, sha256(CARD[:9000]).digest())
    taking._file.close()
    taking._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, closed by `end`
    assert taking.write(CARD[:FLUSH_BYTES]) == reasons.FAULT
    assert read(on) == CARD
