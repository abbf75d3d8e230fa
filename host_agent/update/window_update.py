"""Brings one window's terminal to new firmware: file by file while nobody waits for it, then one switch, then a proof.

Promise: an event never waits (transfers go behind everything else, and stop when an invite opens); nothing is switched
but by an order that is durable here before it leaves; a terminal that went back to its old firmware is left alone.
What was sent is not sent again: the terminal says at each file where to go on. States: states.py.
"""

import asyncio
import logging
from typing import Any

from host_agent import ports
from host_agent.content.push import RESTING
from host_agent.store_rows import OPEN, PENDING
from host_agent.update import records, states
from host_agent.update.patience import Patience
from host_agent.update.plan import Plan, UpdateWindow
from host_agent.update.records import Record
from host_agent.update.shelf import Firmware
from host_agent.update.switch import Switch
from host_agent.update.transfer import Transfer
from protocol import content

# Nobody stands before a terminal that has rested so long; the switch takes it away for up to 10 s.
QUIET_S = 60.0
QUIET = ("idle", "no_clerk", "paused")
TRIES = 3
# The trial is confirmed with the first HELLO; the next one tells so. After this it is asked for.
TRIAL_LOOK_S = 5.0
# An order without answer: the link gives up after 10 s, the terminal may still be reading its flash.
UNANSWERED_S = 60.0

_log = logging.getLogger(__name__)


class WindowUpdate:
    """Own the update of one terminal; belongs to the event loop."""

    def __init__(self, window: UpdateWindow, plan: Plan) -> None:
        """Start with nothing to do."""
        self._window = window
        self._plan = plan
        self._hello: dict[str, Any] | None = None
        self._transfer: Transfer | None = None
        self._switch: Switch | None = None
        self._look_again: asyncio.TimerHandle | None = None
        self._quiet_since_s: float | None = None
        self._patience = Patience(plan.now_s)
        self.state = states.NONE
        self.why: str | None = None

    @property
    def pushing(self) -> bool:
        """Say whether a file is on the way to the terminal."""
        return self._transfer is not None and self._transfer.pushing

    @property
    def under_way(self) -> bool:
        """Say whether this terminal takes its turn: sent to, or between two firmwares."""
        return self.state in states.UNDER_WAY

    def view(self) -> dict[str, Any]:
        """Return how it stands, for status, page and city."""
        record = self._plan.record(self._window.section.terminal)
        firmware = self._transfer.firmware if self._transfer is not None else None
        version = firmware.version if firmware else record.version if record else ""
        assets = (self._hello or {}).get("assets", {})
        return {
            "running": assets.get(content.ASSET_FIRMWARE),
            "state": self.state,
            "why": self.why,
            "version": version or None,
            "manifest": firmware.digest.hex() if firmware else record.manifest if record else None,
            "percent": self._transfer.percent if self._transfer is not None and self._sends() else None,
            "message": states.sentence(self.state, self.why, version),
        }

    def consider(self) -> None:
        """Begin, go on or stop; to be called whenever something may have changed."""
        if self._switch is not None and self._switch.running:
            return
        before = self.state, self.why
        self._look()
        if (self.state, self.why) != before:
            self._plan.changed(self._window.section.id)

    def stop(self) -> None:
        """Stop sending at once; the terminal keeps what it has of the file."""
        if self._transfer is not None:
            self._transfer.stop()

    def _sends(self) -> bool:
        return self.state in (states.SENDING, states.WAITING, states.READY)

    # --- deciding

    def _look(self) -> None:
        if not self._window.connected:
            self._absent()
            return
        if self._window.hello is not self._hello:
            self._met()
        if self.state in (states.SWITCHING, states.TRIAL):
            self._overdue()
            return
        firmware = self._choose()
        if firmware is None:
            self.stop()
            return
        transfer = self._transfer
        if transfer is None or transfer.firmware.digest != firmware.digest:
            transfer = self._begin(firmware)
        why = states.REST if not self._rests() else self._plan.may_send(self._window.section.terminal)
        if transfer.refusal is not None:
            self._refused(firmware, transfer.refusal)
        elif why is not None:
            self.stop()
            self._set(states.WAITING, why)
        elif transfer.whole:
            self._ready(firmware)
        else:
            transfer.go_on()
            self._set(states.SENDING, None)

    def _absent(self) -> None:
        self._hello = None
        self._quiet_since_s = None
        record = self._plan.record(self._window.section.terminal)
        if record is not None and record.state in (records.ASKED, records.SWITCHING):
            could_answer = getattr(self._window.fault, "condition", None) != ports.PORT_BUSY
            late = self._patience.is_over(could_answer)
            self._set(states.FAILED if late else states.SWITCHING, states.NOT_BACK if late else None)
        elif self._sends() or self.state == states.FAILED and (record is None or record.state != records.FAILED):
            self._set(states.WAITING, states.NOT_HERE)

    def _met(self) -> None:
        """Take what a terminal that has just connected says that it runs."""
        self._hello = hello = self._window.hello or {}
        self._patience.begin()
        self._end_transfer()
        running, trial = hello["assets"].get(content.ASSET_FIRMWARE), content.ASSET_FIRMWARE_TRIAL in hello["assets"]
        record = self._plan.record(self._window.section.terminal)
        if trial:
            self._set(states.TRIAL, None)
            self._wake_in(TRIAL_LOOK_S, self._ask_whether_confirmed)
        elif record is None or record.state not in (records.ASKED, records.SWITCHING):
            self._set(states.NONE, None)
        elif running == record.manifest[: content.HASH_DIGITS]:
            self._note(record, records.DONE, None)
            self._set(states.DONE, None)
        elif record.state == records.SWITCHING:
            self._fail(record, states.ROLLED_BACK)
        else:
            self._not_switched(record)

    def _overdue(self) -> None:
        """Name a terminal that said it would restart and is still there as before."""
        record = self._plan.record(self._window.section.terminal)
        if self.state == states.SWITCHING and record is not None and self._patience.is_over(True):
            self._fail(record, states.NOT_BACK)

    def _choose(self) -> Firmware | None:
        """Return the firmware to bring now; None, and the state that says why not."""
        hello = self._hello or {}
        firmware, why = self._plan.firmware(self._window.section.terminal, hello)
        record = self._plan.record(self._window.section.terminal)
        running = hello["assets"].get(content.ASSET_FIRMWARE)
        failed = record is not None and record.state == records.FAILED
        if firmware is None and why is not None:
            self._set(states.WAITING, why)
        elif firmware is None or running == firmware.digest.hex()[: content.HASH_DIGITS]:
            done = record is not None and running == record.manifest[: content.HASH_DIGITS]
            # Of a failure is told also while nothing is meant for the terminal: somebody must do something about it.
            tells_failure = firmware is None and failed and not done
            state = states.FAILED if tells_failure else states.DONE if done else states.NONE
            self._set(state, record.why if record is not None and tells_failure else None)
        elif content.CAP_UPDATE not in hello["caps"]:
            self._set(states.UNABLE, None)
        elif record is not None and failed and record.manifest == firmware.digest.hex():
            self._set(states.FAILED, record.why)
        else:
            return firmware
        return None

    def _begin(self, firmware: Firmware) -> Transfer:
        self._end_transfer()
        assets = (self._hello or {})["assets"]
        self._transfer = Transfer(self._window, firmware, assets, self._changed)
        return self._transfer

    def _end_transfer(self) -> None:
        if self._transfer is not None:
            self._transfer.close()
        self._transfer = None

    def _rests(self) -> bool:
        invite = self._window.invites.current
        return self._window.shown in RESTING and (invite is None or invite.state not in (PENDING, OPEN))

    def _quiet_for_s(self) -> float:
        """Return how long nobody has needed the terminal."""
        now_s = asyncio.get_running_loop().time()
        if not self._rests() or self._window.shown not in QUIET:
            self._quiet_since_s = None
            return 0.0
        if self._quiet_since_s is None:
            self._quiet_since_s = now_s
        return now_s - self._quiet_since_s

    # --- switching

    def _ready(self, firmware: Firmware) -> None:
        why = self._plan.may_switch(self._window.section.terminal)
        quiet_s = self._quiet_for_s()
        if why is None and quiet_s < QUIET_S:
            why = states.REST
            self._wake_in(max(0.1, QUIET_S - quiet_s), self._changed)
        self._set(states.READY, why)
        if why is None:
            self._switch = Switch(self._window, self._plan, firmware, self._rests, self._ordered)

    def _ordered(self, record: Record, answer: str | None) -> None:
        """Take the answer to the order; None: unknown."""
        self._patience.begin()
        if answer == "ok":
            self._note(record, records.SWITCHING, None)
            self._set(states.SWITCHING, None)
        elif answer is None:
            # The next HELLO tells. A terminal that checks long is not ordered a second time meanwhile.
            self._set(states.SWITCHING, None)
            self._wake_in(UNANSWERED_S, self._still_unanswered)
        elif answer == states.NO_STORE:
            self._pause(states.NO_STORE)
        else:
            self._plan.forget(record.terminal)
            self._order_refused(answer)
        self._changed()

    def _order_refused(self, name: str) -> None:
        transfer = self._transfer
        if name == "busy" or transfer is None:
            self._pause(states.REST)
        elif name in states.FINAL:
            self._refused(transfer.firmware, name)
        else:
            transfer.again(name)
            self._set(states.SENDING, None)

    def _pause(self, why: str) -> None:
        """Wait before the order is given again: who needs the terminal now is not asked to be quick."""
        self._set(states.READY, why)
        self._quiet_since_s = None

    def _still_unanswered(self) -> None:
        self._look_again = None
        record = self._plan.record(self._window.section.terminal)
        same = self._window.connected and self._window.hello is self._hello
        if same and self.state == states.SWITCHING and record is not None and record.state == records.ASKED:
            self._not_switched(record)
            self._changed()

    def _not_switched(self, record: Record) -> None:
        """Give an order again whose answer was lost and that had no effect."""
        if record.tries >= TRIES:
            self._fail(record, states.NOT_SWITCHED)
        else:
            self._set(states.WAITING, states.REST)

    def _ask_whether_confirmed(self) -> None:
        """Open the connection anew: only HELLO_REPLY tells that the trial is over."""
        self._look_again = None
        if self.state == states.TRIAL and self._window.connected and self._rests():
            self._window.close("asks whether the new firmware is confirmed")
        elif self.state == states.TRIAL:
            self._wake_in(TRIAL_LOOK_S, self._ask_whether_confirmed)

    # --- noting

    def _refused(self, firmware: Firmware, name: str) -> None:
        terminal, now_ms = self._window.section.terminal, self._plan.utc_ms()
        self._fail(Record(terminal, firmware.digest.hex(), firmware.version, records.FAILED, name, 0, now_ms), name)

    def _fail(self, record: Record, why: str) -> None:
        _log.error("terminal %s: %s", record.terminal, states.sentence(states.FAILED, why, record.version))
        self._note(record, records.FAILED, why)
        self._end_transfer()
        self._set(states.FAILED, why)

    def _note(self, record: Record, state: str, why: str | None) -> None:
        now_ms = self._plan.utc_ms()
        self._plan.note(Record(record.terminal, record.manifest, record.version, state, why, record.tries, now_ms))

    def _set(self, state: str, why: str | None) -> None:
        self.state, self.why = state, why

    def _wake_in(self, seconds: float, then: Any) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
        self._look_again = asyncio.get_running_loop().call_later(seconds, then)

    def _changed(self) -> None:
        self._plan.changed(self._window.section.id)
