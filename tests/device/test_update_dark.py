"""How long citizens see no working terminal when a new firmware is good, crashes or hangs, in virtual time.

From the moment in which the screen says that the window is maintained until the terminal answers an agent again. The
new firmware has the files of the one that runs, but for one module, under a later version's manifest.
"""

import json
from pathlib import Path

import attrs
import pytest

from host_agent.bundle import layout, libraries, manifest
from host_agent.bundle.compiler import cache_folder, compile_source
from host_agent.bundle.contents import Bundle
from protocol import messages, rating, reasons
from simulator.stage import signing_key
from tests.device import new_firmware, slot_modules
from tests.device.counter import Counter

DARK_MS = 10_000
ASK_MS = 250  # an agent says HELLO each second; asked more often, the time is told closer
WHILE_RUNNING = b"import time\ndef run(console):\n    while True:\n        time.sleep(1)\n"
# The watchdog of the firmware itself has begun to count, with more time than that of the bootstrap.
AS_IT_SERVES = b"""import time
import assembly
def run(console):
    assembly.compose(console)
    while True:
        time.sleep(1)
"""
BAD = {
    "crashes at import": b"raise ValueError\n",
    "ends by itself": b"def run(console):\n    pass\n",
    "hangs before it starts": WHILE_RUNNING,
    "hangs as it begins to serve": AS_IT_SERVES,
}


def _renewed(counter: Counter, board: str, entry: bytes | None = None) -> Bundle:
    """Return the firmware that runs as the signed bundle of a later version, with another entry.py."""
    flash = counter.terminal.state.flash
    runs = manifest.decode((flash / "a" / layout.MANIFEST).read_bytes(), board)
    modules = slot_modules.files(flash / "a")
    for name in (layout.MANIFEST, layout.SIGNATURE):
        modules.pop(name, None)
    if entry is not None:
        modules["entry.mpy"] = compile_source(entry, "entry.py", cache_folder(), Path("entry.py")).read_bytes()
    slot = libraries.pack(modules)
    packs = {one.path: (flash / layout.pack_place(one.digest)).read_bytes() for one in runs.packs}
    release = manifest.release_of(new_firmware.NEXT)
    told = attrs.evolve(runs, version=new_firmware.NEXT, release=release, slot=manifest.entries(slot))
    data = told.encode()
    return Bundle(board, data, signing_key().sign(data), slot, packs, {}, told)


def _put(counter: Counter, bundle: Bundle) -> None:
    """Place a bundle where it comes to lie when it was sent: in the slot that does not run."""
    files = bundle.slot | {layout.MANIFEST: bundle.manifest, layout.SIGNATURE: bundle.signature}
    for path, data in files.items():
        place = counter.terminal.state.flash / "b" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _slots(counter: Counter) -> dict:
    return json.loads((counter.terminal.state.flash / layout.SLOTS).read_text())


def _dark_ms(counter: Counter, bundle: Bundle) -> int:
    """Switch; return how long after the screen has said so the terminal answers."""
    assert counter.ask(messages.CLERK, clerk=None) == reasons.OK
    assert new_firmware.switch(counter, bundle) == reasons.OK
    counter.until_state("updating", 1_000)
    begun_ms = counter.now_ms
    counter.until(lambda: _slots(counter)["tries"] == 1, "the start of the trial", 5_000)
    counter.hello = None
    while counter.hello is None and counter.now_ms - begun_ms < 10 * DARK_MS:
        counter.open_link()
        counter.terminal.run_until(lambda: counter.hello is not None, ASK_MS)
    assert counter.hello is not None, counter.terminal.console()
    return counter.now_ms - begun_ms


@pytest.mark.parametrize("how", BAD)
def test_bad_firmware_is_rolled_back_within_ten_seconds_and_told_once(tmp_path: Path, how: str) -> None:
    with Counter(tmp_path, seed=1) as counter:
        bundle = _renewed(counter, "k5", BAD[how])
        _put(counter, bundle)
        dark_ms = _dark_ms(counter, bundle)
        print(f"k5 {how}: {dark_ms} ms without an answer")
        assert dark_ms < DARK_MS
        counter.settle()
        assert (_slots(counter)["slot"], _slots(counter)["trial"]) == ("a", "") and len(counter.terminal.resets) == 3
        assert [fields["why"] for _, fields in counter.told(rating.FAULT)] == [reasons.WHY_ROLLED_BACK]
        counter.check_chain()


def test_update_of_a_touch_terminal_over_its_link_is_confirmed_within_ten_seconds(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1, board="t35") as counter:
        bundle = _renewed(counter, "t35")
        assert new_firmware.Sender(counter).all(bundle) == reasons.OK
        dark_ms = _dark_ms(counter, bundle)
        print(f"t35: {dark_ms} ms without an answer")
        assert dark_ms < DARK_MS
        counter.until(lambda: _slots(counter)["slot"] == "b", "the trial is confirmed", DARK_MS)
        counter.settle()
        assert counter.told(rating.FAULT) == []
        counter.check_chain()
