"""What each released version has written is opened by this one, and every record, setting and epoch is found in it."""

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import slots
from host_agent.flash.ledger import Ledger
from host_agent.legacy.store import RaterStore
from host_agent.provision.registry import Registry
from host_agent.receiver.store import Store as CityStore
from host_agent.rollout.store import RolloutStore
from host_agent.store import Store
from host_agent.store_space import Reserve
from protocol import rating, reasons
from tests.device.counter import Counter
from tests.legacy.desk import JOURNAL_ID, TERMINAL

IMAGES = sorted((Path(__file__).parent / "images").glob("*.zip"))
ALL_BYTES = 100_000
STORES: dict[str, Callable[[Path], object]] = {
    "agent": lambda folder: Store(folder, Reserve(folder / "reserve.bin", 8_192, 0)),
    "receiver": CityStore,
    "rater": lambda folder: RaterStore(folder, TERMINAL, 1, JOURNAL_ID, make=False),
    "rollout": RolloutStore,
    "ledger": lambda folder: Ledger(folder / "ledger.db"),
    "registry": lambda folder: Registry(folder / "registry.db"),
}
Rows = dict[str, list[dict]]

every_version = pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.stem)


def unpacked(image: Path, folder: Path) -> dict:
    """Unpack an image; return its note."""
    with zipfile.ZipFile(image) as file:
        file.extractall(folder)
    return json.loads((folder / "note.json").read_text())


def recovered(counter: Counter) -> list[int] | None:
    """Return the numbers that a terminal did not have any more; None while it sends again."""
    return next((event[1] for _, event in counter.peer.events if event[0] == "recovered"), None)


def test_images_are_there_and_small() -> None:
    assert IMAGES and sum(image.stat().st_size for image in IMAGES) <= ALL_BYTES


@every_version
def test_terminal_finds_every_record_setting_and_epoch_of_an_earlier_version(image: Path, tmp_path: Path) -> None:
    note = unpacked(image, tmp_path)
    (tmp_path / "terminal").rename(tmp_path / "state")
    known = {int(seq): bytes.fromhex(data) for seq, data in note["events"].items()}
    settings = json.loads((tmp_path / "state/flash/settings.json").read_text())
    counter = Counter(tmp_path)
    counter.events = {seq: data for seq, data in known.items() if seq <= note["delivered"]}
    with counter:
        hello = counter.hello
        assert (hello["epoch"], hello["terminal"], hello["board"]) == (note["epoch"], "YP-0001", "k5")
        assert hello["first"] == note["delivered"] + 1 <= hello["last"]
        assert hello["journal_id"].hex() == settings["journal_id"] and hello["assets"]["1/3017"] == note["card"][:8]
        counter.settle()
        assert {seq: counter.events[seq] for seq in known} == known, "what waited came as it was sealed"
        counter.peer.link.recover(1, note["delivered"], counter.now_ms)
        counter.peer.pump()
        counter.until(lambda: recovered(counter) is not None, "all comes again", 9_000)
        assert recovered(counter) == []
        levels = {int(n): [level] for n, level in note["levels"].items()}
        assert {n: counter.levels(n) for n in levels} == levels
        counter.check_chain()
        counter.login()
        for n in levels:
            assert counter.invite(n) != reasons.OK, "an invite that had its outcome is known"
        counter.open_invite(99)
        counter.press(3)
        counter.settle()
        assert counter.levels(99) == [3] and counter.told(rating.FAULT) == []
        assert json.loads(counter.terminal.state.settings.read_text()) == settings


@every_version
def test_bootstrap_reads_the_slots_of_an_earlier_version(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked(image, tmp_path)
    monkeypatch.chdir(tmp_path / "terminal/flash")
    assert slots.read() == json.loads(Path("slots.json").read_text()) and slots.choose() == ("a", False)
    card = next(Path("content").glob("1-*")).read_bytes()
    assert hashlib.sha256(card[32:]).hexdigest() == json.loads((tmp_path / "note.json").read_text())["card"]


@every_version
@pytest.mark.parametrize("store", STORES)
def test_store_of_an_earlier_version_opens_with_every_row(image: Path, store: str, tmp_path: Path) -> None:
    unpacked(image, tmp_path)
    (path,) = (tmp_path / store).glob("*.db")
    before = rows(path)
    assert sum(map(len, before.values())) > 2
    STORES[store](tmp_path / store).close()
    after = rows(path)
    for table, held in before.items():
        found = [{name: row[name] for name in held[0]} for row in after[table]] if held else []
        assert found[: len(held)] == held, table


def rows(path: Path) -> Rows:
    """Return every row of every table."""
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    try:
        names = [row[0] for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: [dict(row) for row in conn.execute(f'SELECT * FROM "{name}"')] for name in names}
    finally:
        conn.close()
