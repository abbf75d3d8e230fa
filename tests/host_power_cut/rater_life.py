"""An old rater's journal and recorder at work, noting what they are given and what they promise."""

from pathlib import Path

from host_agent.legacy import fields as f
from host_agent.legacy.pc_clock import PcClock
from host_agent.legacy.recorder import Recorder
from host_agent.legacy.store import RaterStore
from protocol import codes, reasons
from protocol.sealing import Sealer
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording
from tests.legacy.desk import JOURNAL_ID, KEY, TERMINAL, UTC_MS, Aes, invite_id

GIVEN, SEALED, BOOTED, INVITED, ACKED = "given", "sealed", "booted", "invited", "acked"


class _Watched:
    """A journal that notes each event before it is asked to keep it."""

    def __init__(self, store: RaterStore, life: "Life") -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def append(self, events: list[tuple[int, int, bytes | None, bytes]]) -> None:
        self._life.mark(GIVEN, [event[3] for event in events])
        self._store.append(events)
        self._life.mark(SEALED, {event[0]: event[3] for event in events})


class Life:
    """One start of the terminal's journal to its end."""

    def __init__(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Keep the parts."""
        self._folder = folder
        self._recording = recording
        self._marks = marks

    def mark(self, what: str, value: object) -> None:
        """Note something at the present operation."""
        self._marks.append(Mark(len(self._recording.log) if self._recording is not None else 0, what, value))

    def start(self) -> None:
        """Open the journal and seal what a start seals; the calendar does not help with the number."""
        self.store = RaterStore(self._folder, TERMINAL, 1, JOURNAL_ID, make=True)
        boot = self.store.begin_boot(0)
        self.mark(BOOTED, boot)
        now_ms = iter(range(1 << 30))
        sealer = Sealer(Aes, KEY, TERMINAL, 1)
        self.recorder = Recorder(_Watched(self.store, self), sealer, PcClock(lambda: next(now_ms), UTC_MS), boot)
        open_invite = self.store.open_invite
        self.recorder.seal(codes.BOOT, None, {f.WHY: reasons.WHY_POWER_ON})
        if open_invite is not None:
            self.recorder.seal(codes.INTERRUPTED, open_invite[0], {f.WHY: reasons.WHY_POWER_CUT})

    def stop(self) -> None:
        """End in good order."""
        self.store.close()

    def visit(self, number: int, level: int) -> None:
        """Record an invite and its rating, unless the invite is known: it is never opened again."""
        if self.recorder.known(invite_id(number)):
            return
        self.invite(number)
        self.recorder.seal(codes.RATED, invite_id(number), {f.LEVEL: level})

    def invite(self, number: int) -> None:
        """Record an invite; when this returns it may be answered."""
        self.recorder.record_invite(invite_id(number), codes.ORIGIN_COUNTER)
        self.mark(INVITED, invite_id(number))

    def acknowledge_all(self) -> None:
        """Hear that the agent has everything."""
        seqs = set(range(self.recorder.first(), self.recorder.last() + 1))
        self.mark(ACKED, seqs)
        for seq in seqs:
            self.recorder.acknowledge(seq)
        self.recorder.settle()
