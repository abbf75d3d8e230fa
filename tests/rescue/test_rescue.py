"""From a broken terminal's chip to the city: each rating is there once, whatever was delivered before."""

import ast
import json
import random

import pytest

from host_agent import data_lock
from host_agent.cloudevents import EventWriter
from host_agent.errors import UserError
from host_agent.provision.registry import Entry
from host_agent.receiver.intake import Raw
from host_agent.rescue import archive, chip_prompt
from host_agent.rescue import image as chip_image
from host_agent.store import Store
from protocol import record
from simulator.chips.nor_array import NorArray
from store.journal import format_chip
from tests.city.terminals import NOW_MS, PREFIX, City
from tests.device.counter import Counter
from tests.power_cut.nor import ArrayNor
from tests.provision.stations import yiping
from tests.rescue.chips import SECRET, damage, worked

AGENT = """
[agent]
id = "{name}"
centre = "C01"
data_dir = "{name}-data"

[[window]]
id = "W01"
terminal = "{terminal}"
"""


def agent(folder, terminal="YP-000001-S", name="pc-01"):
    path = folder / f"{name}.toml"
    path.write_text(AGENT.format(name=name, terminal=terminal))
    return path


def city_of(folder, secret=SECRET, terminal="YP-000001-S"):
    folder.mkdir()
    city = City(folder)
    city.registry.add([Entry(terminal, 1, secret, "C01", "W01", "k5", False, NOW_MS)])
    city.intake._refresh()
    return city


def bring(folder, city, name="pc-01"):
    """Send all that waits in an agent's store to the city, as its uplink writes it; return the receipts' statuses."""
    store = Store(folder / f"{name}-data")
    writer = EventWriter("C01", name)
    rows = store.waiting(0, store.last_event_id(), 10_000)
    store.close()
    raws = [
        Raw(f"{PREFIX}/C01/terminal/{row.terminal}/event", writer.payload(row, f"{row.terminal}-{row.epoch}-{row.seq}"))
        for row in rows
    ]
    return [receipt.status for receipt in city.take(*raws)]


def levels(city):
    """Return the level of each event that the city has, by number; a second record of one would show."""
    rated = [one for one in city.latest().values() if one["kind"] == "rated"]
    assert len({one["seq"] for one in rated}) == len(rated)
    return {one["seq"]: one["level"] for one in rated}


def image_file(folder, made):
    path = folder / "nor.bin"
    path.write_bytes(made.image)
    return path


def test_rescued_chip_is_archived_delivered_and_counts_once(tmp_path):
    made = worked(11, 40)
    image, config, out = image_file(tmp_path, made), agent(tmp_path), tmp_path / "t.rescue"
    done = yiping("terminal", "rescue", "--image", image, "--out", out, "--deliver", config)
    assert done.exit_code == 0, done.output
    assert f"delivered to the agent: {len(made.on_chip())}, 0 it held already" in done.output
    again = yiping("terminal", "rescue", "--archive", out, "--deliver", config, "--json")
    assert json.loads(again.output) == {"delivered": 0, "held_already": len(made.on_chip()), "left_out": 0}
    city = city_of(tmp_path / "city")
    assert set(bring(tmp_path, city)) == {"stored"}
    assert levels(city) == {seq: made.pressed[seq] for seq in made.on_chip()}
    assert city.alarms() <= {"invite_bare"}
    city.close()


def test_what_the_windows_own_agent_brought_before_is_a_duplicate(tmp_path):
    made = worked(12, 30)
    own, bench = agent(tmp_path), agent(tmp_path, name="bench")
    image = image_file(tmp_path, made)
    for config, out in ((own, "a"), (bench, "b")):
        assert (
            yiping("terminal", "rescue", "--image", image, "--out", tmp_path / out, "--deliver", config).exit_code == 0
        )
    city = city_of(tmp_path / "city")
    assert set(bring(tmp_path, city)) == {"stored"}
    assert set(bring(tmp_path, city, "bench")) == {"duplicate"}
    assert levels(city) == {seq: made.pressed[seq] for seq in made.on_chip()}
    city.close()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["bit flips", "dead sector", "headers", "torn erase"])
def test_damaged_chip_brings_what_stands_and_nothing_that_was_not_pressed(tmp_path, kind, seed):
    made = worked(seed + 40, 50)
    damage(made.image, random.Random(f"{kind}/{seed}"), kind)
    standing = made.on_chip()
    out, config = tmp_path / "out", agent(tmp_path)
    done = yiping("terminal", "rescue", "--image", image_file(tmp_path, made), "--out", out, "--deliver", config)
    assert done.exit_code == 0, done.output
    city = city_of(tmp_path / "city")
    bring(tmp_path, city)
    found = levels(city)
    assert found == {seq: made.pressed[seq] for seq in found} and set(standing) <= set(found), f"{kind} {seed}"
    assert "conflict" not in city.alarms()
    city.close()


def test_simulated_terminal_that_breaks_brings_each_rating_once(tmp_path):
    """The real firmware takes ratings with the agent away; its chip is read out; half had gone to another agent."""
    with Counter(tmp_path, seed=21) as counter:
        counter.login()
        terminal = counter.hello["terminal"]
        for n in range(1, 7):
            counter.acknowledges = n <= 3
            counter.open_invite(n)
            counter.press(n % 5 + 1)
            counter.run(20_000)
        secret = bytes.fromhex(json.loads(counter.terminal.state.provision.read_text())["secret"])
        had = dict(counter.events)
        counter.cut_power()
        image = tmp_path / "nor.bin"
        image.write_bytes(bytes(counter.terminal.wiring.nor.array.image))
    chip = chip_image.read(image.read_bytes())
    assert chip.damage == () and {event.seq for event in chip.events} > set(had)
    done = yiping(
        "terminal", "rescue", "--image", image, "--out", tmp_path / "x", "--deliver", agent(tmp_path, terminal)
    )
    assert done.exit_code == 0, done.output
    city = city_of(tmp_path / "city", secret, terminal)
    bring(tmp_path, city)
    pressed = [6 - (n % 5 + 1) for n in range(1, 7)]
    assert [level for _, level in sorted(levels(city).items())] == pressed
    assert bring(tmp_path, city) == ["duplicate"] * len(chip.events)
    assert [level for _, level in sorted(levels(city).items())] == pressed
    assert "chain_broken" not in city.alarms() and "conflict" not in city.alarms()
    city.close()


def test_archive_tells_what_is_missing_and_no_level(tmp_path):
    made = worked(13, 40)
    seq = sorted(made.on_chip())[4]
    at = bytes(made.image).find(made.events[seq])
    made.image[at : at + 150] = bytes(150)
    out = tmp_path / "out"
    done = yiping("terminal", "rescue", "--image", image_file(tmp_path, made), "--out", out, "--json")
    said = json.loads(done.output)
    assert [seq, seq] in said["terminals"][0]["missing"] and said["damage"]
    text = yiping("terminal", "rescue", "--image", tmp_path / "nor.bin", "--out", tmp_path / "o2").output
    assert f"missing: {seq}" in text and "cannot be read: sector" in text
    raw = out.read_text()
    assert '"level"' not in raw and SECRET.hex() not in raw
    assert [event.evidence for event in archive.read(out)] == [
        event.evidence for event in chip_image.read(bytes(made.image)).events
    ]


def test_archive_that_was_altered_is_refused(tmp_path):
    made = worked(14, 10)
    out = tmp_path / "out"
    yiping("terminal", "rescue", "--image", image_file(tmp_path, made), "--out", out)
    good = out.read_bytes()
    for bad in (good[:-40], good.replace(b'"seq":3', b'"seq":4'), b"", b"{}\n", good[:-1] + b"x\n", b"\xff\xfe"):
        out.write_bytes(bad)
        done = yiping("terminal", "rescue", "--archive", out, "--deliver", agent(tmp_path))
        assert done.exit_code == 1 and "archive" in done.output, bad[:40]
    assert not (tmp_path / "pc-01-data" / "agent.db").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say where the events are"),
        (("--image", "nor.bin", "--archive", "x"), "say where the events are"),
        (("--image", "nor.bin"), "no place to be saved"),
        (("--image", "none.bin", "--out", "o"), "cannot read the image"),
        (("--image", "blank.bin", "--out", "o"), "the chip is blank, or did not answer"),
        (("--image", "zeros.bin", "--out", "o"), "no event is on the chip ("),
        (("--image", "nor.bin", "--out", "nor.bin"), "there is such a file already"),
        (("--image", "nor.bin", "--out", "o", "--deliver", "other.toml"), "no window with terminal YP-000001-S"),
    ],
)
def test_wrong_use_is_told_with_a_cure(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    image_file(tmp_path, worked(15, 5, 8))
    (tmp_path / "blank.bin").write_bytes(b"\xff" * 8 * 4096)
    (tmp_path / "zeros.bin").write_bytes(bytes(4 * 4096))
    agent(tmp_path, "YP-000002-Q", "other")
    done = yiping("terminal", "rescue", *words)
    assert done.exit_code == 1 and said in done.output, done.output


def test_running_agent_is_not_written_into(tmp_path):
    made = worked(16, 5, 8)
    config = agent(tmp_path)
    lock = data_lock.take(tmp_path / "pc-01-data")
    done = yiping(
        "terminal", "rescue", "--image", image_file(tmp_path, made), "--out", tmp_path / "o", "--deliver", config
    )
    lock.close()
    assert done.exit_code == 1 and "another agent already uses this data folder" in done.output
    assert (tmp_path / "o").exists()  # what was read is saved all the same


class FakePrompt:
    """A board at its prompt with a chip on it, whose contact is bad at some readings."""

    def __init__(self, image: bytes, bad: tuple[int, ...] = ()) -> None:
        self.image = image
        self.bad = bad
        self.readings = 0

    def run(self, code: str) -> str:
        """Answer as the reader prints; tests/provision/test_at_the_port.py runs the real one."""
        if "_y_used" in code:
            count = len(self.image) // record.SECTOR_BYTES
            used = [n for n in range(count) if self.image[n * 4096 : n * 4096 + 4096].strip(b"\xff")]
            return json.dumps({"jedec": chip_prompt.JEDEC, "used": used}) + "\r\n"
        numbers = ast.literal_eval(code.removeprefix("_y_read"))
        data = bytearray(b"".join(self.image[n * 4096 : n * 4096 + 4096] for n in numbers))
        self.readings += 1
        if self.readings in self.bad:
            data[100 + self.readings] ^= 0x20
        return "\r\n".join(data[at : at + 256].hex() for at in range(0, len(data), 256)) + "\r\n"


def test_chip_is_read_through_a_prompt_and_bad_contact_is_read_over():
    made = worked(17, 40)
    whole = bytes(made.image).ljust(chip_prompt.CHIP_BYTES, b"\xff")
    assert chip_prompt.read_chip(FakePrompt(bytes(made.image))) == whole
    assert chip_prompt.read_chip(FakePrompt(bytes(made.image), bad=(1, 4))) == whole
    with pytest.raises(Exception, match="reads differently each time"):
        chip_prompt.read_chip(FakePrompt(bytes(made.image), bad=tuple(range(1, 20))))


def test_board_that_answers_nonsense_is_told():
    for text in ("", "Traceback\r\nImportError", "[]", '{"jedec": "x", "used": []}', '{"jedec": 0, "used": []}'):
        prompt = FakePrompt(b"")
        prompt.run = lambda code, text=text: text
        with pytest.raises(UserError, match="board|does not answer"):
            chip_prompt.read_chip(prompt)


def test_empty_journal_holds_no_event():
    image = bytearray(b"\xff" * 8 * 4096)
    format_chip(ArrayNor(NorArray(image)), b"journal1")
    chip = chip_image.read(bytes(image))
    assert chip.events == () and chip.damage == () and chip.blank == 7
