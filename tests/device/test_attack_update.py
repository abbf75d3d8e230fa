"""The dishonest PC speaks the link and offers firmware of its own: the terminal takes only what its key signed."""

from hashlib import sha256
from pathlib import Path

from host_agent.bundle import manifest
from protocol import content, messages, rating, reasons
from simulator.stage import signing_key
from tests.bundle_key import bundle_key
from tests.device import new_firmware
from tests.device.counter import Counter


def told(board: str = "k5", version: str = "0.9.0") -> bytes:
    """Return a manifest of one file."""
    entries = manifest.entries({"entry.mpy": b"evil"})
    return manifest.Manifest(board, version, manifest.release_of(version), 0, 1, entries, [], []).encode()


def test_attack_updates_to_firmware_that_is_not_the_keys_is_refused(tmp_path: Path) -> None:
    mine, maker, new = bundle_key(), signing_key(), told()
    foreign, old = told(board="t35"), told(version="0.0.1")
    offers = (
        (bytes(384), new, reasons.BAD_SIGNATURE),
        (mine.sign(new), new, reasons.BAD_SIGNATURE),
        (maker.sign(old), new, reasons.BAD_SIGNATURE),
        (maker.sign(foreign), foreign, reasons.WRONG_BOARD),
        (maker.sign(old), old, reasons.TOO_OLD),
    )
    with Counter(tmp_path, seed=1) as counter:
        assets = counter.hello["assets"]
        for signature, data, reason in offers:
            sender = new_firmware.Sender(counter)
            assert sender.send(content.FIRMWARE_MANIFEST, "0.9.0", signature + data) == reason
            assert sender.send(content.FIRMWARE_FILE, "0", b"evil") != reasons.OK
            answer = counter.ask(messages.UPDATE, manifest=sha256(data).digest())
            assert answer == reasons.NO_TRANSFER, answer
        counter.restart()
        assert counter.hello["assets"] == assets
        counter.settle()
        assert {fields["why"] for _, fields in counter.told(rating.BOOT)} == {reasons.WHY_POWER_ON}
