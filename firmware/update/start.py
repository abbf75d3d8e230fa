"""What an update has to do at the start of a terminal: say what runs, tell a roll-back, confirm a trial.

A firmware on trial is confirmed when the journal is in use, the self-test found nothing that had not failed before, and
an agent's HELLO was answered. One that is not within CONFIRM_MS is reset, and the bootstrap starts the one before it.
Loaded at every start; it stays only while there is a trial.
"""

import sys
from asyncio import create_task, sleep_ms
from hashlib import sha256

import slots
from app import fields
from protocol import codes, content, reasons
from protocol import self_test_parts as parts
from update import slot_files
from update.manifest import Manifest, ManifestError, release_of

CONFIRM_MS = 180_000  # in which the trial serves citizens; a PC that starts anew has time to greet it
_LOOK_MS = 250
_YES = "yes"


class Start:
    """What slots.json and the manifests say at this start."""

    def __init__(self) -> None:
        self.slot = slot_files.running()
        self._state = slots.read() or {"trial": "", "back": 0, "tries": 0}

    @property
    def on_trial(self) -> bool:
        """Return whether what runs is on trial."""
        return self._state["trial"] == self.slot

    def describe(self, assets: dict, firmware: str) -> None:
        """Put into HELLO's answer which manifest runs, which one waits, and whether there is a trial."""
        assets[content.ASSET_FIRMWARE] = _digits(slot_files.read(self.slot + slot_files.MANIFEST))
        if self.on_trial:
            assets[content.ASSET_FIRMWARE_TRIAL] = _YES
            return
        waiting = slot_files.read(slot_files.other() + slot_files.MANIFEST)
        try:
            if Manifest(waiting).release > release_of(firmware):
                assets[content.ASSET_FIRMWARE_NEXT] = _digits(waiting)
        except ManifestError:
            pass  # there is none, or a torn one

    def why(self, cause: int) -> int:
        """Return why the terminal started: updated, at the first start of a trial."""
        return reasons.WHY_UPDATED if self.on_trial and self._state["tries"] == 1 else cause

    def begin(self, desk: object, shelf: object, reset: object) -> None:
        """Tell a roll-back, and begin to confirm a trial."""
        self.tell(desk)
        if self.on_trial:
            create_task(self.confirm(desk, shelf, reset))

    def tell(self, desk: object) -> None:
        """Seal that a trial was rolled back; again at the next start only if the power is cut in this moment."""
        if not self._state["back"]:
            return
        desk.note(codes.FAULT, {fields.WHY: self._state["back"]})
        self._state["back"] = 0
        try:
            slots.write(self._state)
        except OSError:
            pass  # it is told once more

    async def confirm(self, desk: object, shelf: object, reset: object) -> None:
        """Make the trial the confirmed firmware, or reset."""
        try:
            trial = Trial(desk, self._state.get("failed", 0))
            passed = await trial.run()
            if passed:
                self._keep(shelf)
        except Exception as error:  # noqa: BLE001 - whatever it is, this firmware must not stay
            sys.print_exception(error)
            passed = False
        if not passed:
            reset()

    def _keep(self, shelf: object) -> None:
        state = self._state
        floor = Manifest(slot_files.read(self.slot + slot_files.MANIFEST)).floor
        state["slot"], state["trial"], state["tries"] = self.slot, "", 0
        state["floor"] = max(floor, state["floor"])
        slots.write(state)
        del shelf.own[content.ASSET_FIRMWARE_TRIAL]
        shelf.describe()


class Trial:
    """Look whether this firmware does its work; `failed_before` is the mask of the self-test before it came."""

    def __init__(self, desk: object, failed_before: int) -> None:
        self._desk = desk
        self._failed_before = failed_before
        self._failed = None
        self._testing = False

    async def run(self) -> bool:
        """Return True as soon as everything is well; False when it is not in time, but never during a rating."""
        desk = self._desk
        while desk.clock.now_ms() < CONFIRM_MS or desk.is_engaged():
            if self._failed is not None and self._failed & parts.NEEDED & ~self._failed_before:
                return False
            if self._failed is not None and desk.link.session and desk.status()["reason"] == reasons.OK:
                return True
            if self._failed is None and not self._testing:
                self._testing = True
                desk.check(parts.WHY_UPDATED, None, self._tested)
            await sleep_ms(_LOOK_MS)
        return False

    def _tested(self, failed: int | None) -> None:
        """Take what the self-test found; None when somebody needed the terminal: it is done again."""
        self._failed, self._testing = failed, False


def _digits(manifest: bytes) -> str:
    return sha256(manifest).digest().hex()[: content.HASH_DIGITS]
