"""A terminal updates itself over the link, with the agent's own link code, and goes back from what does not work."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from host_agent.bundle.contents import Bundle
from protocol import messages, rating, reasons
from simulator import engine, flash_room
from tests.device import new_firmware
from tests.device.changed import changed_firmware
from tests.device.counter import Counter

DARK_MS = 10_000  # citizens see that the window is being maintained for at most so long
HANGS_AFTER_S = 20.0  # of real time without a word: a third of the usual
RESERVE_BYTES = 32_768  # that stay free
TRIAL_MS = 195_000  # a trial that nobody greets ends after 180 s, and starts


def _rate(counter: Counter, n: int, key: int) -> None:
    counter.login()
    counter.open_invite(n)
    counter.press(key)
    counter.run(20_000)


def _bring(counter: Counter, bundle: Bundle) -> None:
    assert new_firmware.Sender(counter).all(bundle) == reasons.OK
    assert counter.ask(messages.CLERK, clerk=None) == reasons.OK
    assert new_firmware.switch(counter, bundle) == reasons.OK
    counter.until_state("updating", 1_000)


def _forgive_silence_on_the_bus(counter: Counter) -> None:
    """Hold that the host found nothing but its requests unanswered, as it must with a chip that computes for ever."""
    found = counter.terminal.engine.soc.usb.violations
    assert found and all(text.endswith(("not answered in 5 s", "stalled")) for text in found), found
    assert sum(text.endswith("stalled") for text in found) == len(found) // 2
    found.clear()


def _slots(counter: Counter) -> dict:
    return json.loads((counter.terminal.state.flash / "slots.json").read_text())


def _meet(counter: Counter, firmware: str, limit_ms: int) -> None:
    """Connect again, as the agent does, until this firmware answers and is not on trial."""
    end_ms = counter.now_ms + limit_ms
    while counter.now_ms < end_ms:
        counter.open_link()
        counter.terminal.run_until(lambda: counter.hello is not None, 5_000)
        hello = counter.hello
        if hello is not None and hello["firmware"] == firmware and "fw.trial" not in hello["assets"]:
            return
        counter.run(1_000)
    raise AssertionError(f"{firmware} did not come\n{counter.terminal.console()}")


@pytest.mark.parametrize("board", ["k5", pytest.param("t35", marks=pytest.mark.slow)])
def test_update_over_the_link_runs_the_new_firmware_and_keeps_queue_and_chain(tmp_path: Path, board: str) -> None:
    bundle = new_firmware.later(tmp_path, board=board, floor=new_firmware.NEXT)
    with Counter(tmp_path, seed=1, board=board) as counter:
        if board == "k5":
            _rate(counter, 1, 2)
        assert counter.hello["firmware"] == "0.1.0" and "update" in counter.hello["caps"]
        before = counter.hello["assets"]["fw"]
        counter.settle()
        counter.acknowledges = False
        if board == "k5":
            _rate(counter, 2, 1)
        queued = counter.unacknowledged()
        _bring(counter, bundle)
        shown_ms = counter.now_ms
        counter.until(lambda: _slots(counter)["tries"] == 1, "the start of the trial", 5_000)
        counter.acknowledges = True
        counter.connect()
        counter.until_state("no_clerk", DARK_MS)
        assert counter.now_ms - shown_ms <= DARK_MS
        print(f"{board}: {counter.now_ms - shown_ms} ms from UPDATING to the first answer")
        assert counter.hello["firmware"] == new_firmware.NEXT and counter.hello["assets"]["fw"] != before
        assert counter.hello["assets"]["fw.trial"] == "yes"
        assert counter.hello["first"] == (queued[0] if queued else counter.hello["last"]), "the queue is as it was"
        counter.settle()
        _meet(counter, new_firmware.NEXT, 30_000)
        assert _slots(counter) | {"failed": 0} == {
            "slot": "b", "trial": "", "tries": 0, "floor": bundle.release, "back": 0, "failed": 0
        }  # fmt: skip
        counter.settle()
        assert [fields["why"] for _, fields in counter.told(rating.BOOT)] == [reasons.WHY_POWER_ON, reasons.WHY_UPDATED]
        assert [fields["n"] for _, fields in counter.told(rating.SELF_TEST)] == [0]
        counter.check_chain()
        if board == "k5":
            assert (counter.levels(1), counter.levels(2)) == ([4], [5])
        assert new_firmware.Sender(counter).all(bundle) == reasons.TOO_OLD, "it runs already"


BAD = {
    "crashes_at_import": (
        ("app/desk.py", "MARK_MS = 3_600_000\n", "MARK_MS = 3_600_000\nraise ValueError(MARK_MS)\n"),
    ),
    "hangs": (("entry.py", "    front, watched = start(console)\n", "    while True:\n        pass\n"),),
    "fails_its_self_test": (("self_test/quick.py", "return failed | _test_room()", "return failed | 1"),),
}


@pytest.mark.parametrize(
    "how", [*(pytest.param(how, marks=pytest.mark.slow) for how in sorted(BAD)), "is_never_greeted"]
)
def test_update_that_does_not_work_is_rolled_back_and_reported_once(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENCE_S", HANGS_AFTER_S)
    bundle = new_firmware.later(tmp_path, edits=BAD.get(how, ()))
    with Counter(tmp_path, seed=2) as counter:
        _bring(counter, bundle)
        counter.until(lambda: _slots(counter)["tries"] == 1, "the start of the trial", 5_000)
        if how == "is_never_greeted":
            counter.peer.detach()
            counter.run(TRIAL_MS)
        _meet(counter, "0.1.0", TRIAL_MS)
        assert _slots(counter)["slot"] == "a" and _slots(counter)["back"] == 0
        counter.settle()
        counter.restart()
        counter.settle()
        whys = [fields["why"] for _, fields in counter.told(rating.FAULT)]
        assert whys.count(reasons.WHY_ROLLED_BACK) == 1
        counter.check_chain()
        if how == "hangs":
            _forgive_silence_on_the_bus(counter)


OUT_OF_MEMORY_ONCE = """\
    if not hasattr(desk, "failed_once"):
        desk.failed_once = True
        raise MemoryError
    slot = slot_files.other()
"""


def test_update_is_refused_out_of_memory_while_somebody_needs_the_terminal_or_a_file_is_not_whole(
    tmp_path: Path,
) -> None:
    line = "    slot = slot_files.other()\n"
    short = changed_firmware(tmp_path / "short", "update/switch.py", line, OUT_OF_MEMORY_ONCE)
    bundle = new_firmware.later(tmp_path)
    with Counter(tmp_path, seed=3, firmware_dir=short) as counter:
        assert new_firmware.switch(counter, bundle) == reasons.FAULT
        assert new_firmware.switch(counter, bundle) == reasons.NO_TRANSFER
        assert new_firmware.Sender(counter).all(bundle) == reasons.OK
        counter.login()
        counter.open_invite(1)
        assert new_firmware.switch(counter, bundle) == reasons.BUSY
        counter.press(3)
        counter.run(30_000)
        damaged = counter.terminal.state.flash / "b" / "app.lib"
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert new_firmware.switch(counter, bundle) == reasons.NOT_COMPLETE
        assert new_firmware.Sender(counter).all(bundle) == reasons.OK and damaged.read_bytes() == whole
        order = counter.send(messages.UPDATE, manifest=sha256(bundle.manifest).digest())
        assert counter.invite(2) == reasons.BUSY, "a clerk who invites meanwhile is told to try again in a moment"
        assert counter.answers[order][0] == reasons.OK


def test_update_that_does_not_fit_the_flash_is_refused_as_full(tmp_path: Path) -> None:
    bundle = new_firmware.later(tmp_path)
    manifest = new_firmware.parts(bundle)[0]
    with Counter(tmp_path, seed=5) as counter:
        flash = counter.terminal.state.flash
        room = flash_room.blocks(engine.FLASH_BYTES, flash_room.sizes(flash))[1] * flash_room.BLOCK
        (flash / "filler").write_bytes(bytes(room - sum(map(len, bundle.slot.values())) - RESERVE_BYTES))
        assert new_firmware.Sender(counter).send(*manifest) == reasons.FULL
        assert counter.hello["assets"].get("fw.next") is None and not (flash / "b" / "manifest.cbor").exists()
        (flash / "filler").unlink()
        assert new_firmware.Sender(counter).send(*manifest) == reasons.OK


def test_update_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    bundle = new_firmware.later(tmp_path, edits=(("app/desk.py", "HELD_MAX = 8 ", "HELD_MAX = 9 "),))
    with Counter(tmp_path, seed=4) as counter:
        changed = [entry.path for entry in bundle.told.slot].index("app.lib")
        pieces = new_firmware.parts(bundle)
        assert new_firmware.Sender(counter).send(*pieces[0]) == reasons.OK
        seen: list[int] = []
        for _ in range(4):

            def unplug(name: str, stored: int) -> None:
                seen.append(stored)
                if len(seen) % 6 == 0:
                    counter.peer.detach()
                    counter.lost.append("unplugged")

            new_firmware.Sender(counter, unplug).send(*pieces[1 + changed])
            counter.cut_power()
            counter.run(200)
            counter.terminal.power_on()
            counter.connect()
        assert new_firmware.Sender(counter).all(bundle) == reasons.OK
        assert new_firmware.switch(counter, bundle) == reasons.OK
        counter.until(lambda: _slots(counter)["tries"] == 1, "the start of the trial", 5_000)
        _meet(counter, new_firmware.NEXT, 60_000)
