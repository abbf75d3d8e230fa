"""What an old rater's journal has promised at a moment of a run, and the judging of it after a power cut."""

from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from host_agent import store as store_module
from host_agent.legacy.store import RaterStore
from protocol import codes, evidence
from tests.host_power_cut.promise import Mark, opened, require
from tests.host_power_cut.rater_life import ACKED, BOOTED, GIVEN, INVITED, SEALED, Life
from tests.host_power_cut.vfs import Recording
from tests.legacy.desk import JOURNAL_ID, KEY, TERMINAL, Aes

FILE_NAME = f"legacy-{TERMINAL}-1.db"


@dataclass
class RaterPromise:
    """All that was sealed, and what of it must be there."""

    given: list[bytes] = field(default_factory=list)  # sealed, whether or not it became durable
    sealed: dict[int, bytes] = field(default_factory=dict)  # returned as durable
    boots: list[int] = field(default_factory=list)
    invited: list[bytes] = field(default_factory=list)
    acked: set[int] = field(default_factory=set)

    def keep(self, mark: Mark) -> None:
        """Take what happened."""
        if mark.what == GIVEN:
            self.given += mark.value
        elif mark.what == SEALED:
            self.sealed.update(mark.value)
        elif mark.what == BOOTED:
            self.boots.append(mark.value)
        elif mark.what == INVITED:
            self.invited.append(mark.value)
        elif mark.what == ACKED:
            self.acked |= mark.value

    def judge(self, folder: Path) -> None:
        """Raise Broken unless the journal that lies in the folder keeps every promise."""
        promised = bool(self.boots or self.sealed or self.invited)
        with opened(folder / FILE_NAME, promised, "about") as conn:
            if conn is None:
                return
            held = dict(conn.execute("SELECT seq, evidence FROM events"))
            for seq, event in self.sealed.items():
                require(held.get(seq) == event, f"event {seq}, which was promised, is lost or altered")
            require(set(held.values()) <= set(self.given), "an event is there that was never sealed")
            require(sorted(held) == list(range(1, len(held) + 1)), "the numbers have a gap")
            acked = {row[0] for row in conn.execute("SELECT seq FROM events WHERE acked = 1")}
            require(acked <= self.acked, "an event counts as acknowledged and is not")
            found = {row[0] for row in conn.execute("SELECT invite FROM invites")}
            require(set(self.invited) <= found, "an invite that was answered is forgotten")
            ended = {row[0] for row in conn.execute("SELECT invite FROM invites WHERE ended = 1")}
            clears = [evidence.parse(event) for event in held.values()]
            outcomes = [clear.invite for clear in clears if clear.kind in codes.OUTCOMES]
            require(len(outcomes) == len(set(outcomes)), "an invite has two outcomes")
            require(set(outcomes) == ended, "an invite and its outcome are apart")
        self._judge_numbers()

    def _judge_numbers(self) -> None:
        """No number of a start and of an event was sealed to two texts: the key would give both away."""
        texts: dict[tuple[int, int], bytes] = {}
        for event in self.given:
            clear = evidence.parse(event)
            key = clear.boot, clear.seq
            require(texts.setdefault(key, event) == event, f"boot {key[0]} seq {key[1]} was sealed twice")
        require(self.boots == sorted(set(self.boots)), "a number of a start came again")

    def go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Start the terminal's journal again and live a little."""
        with mock.patch.object(store_module, "CHECKPOINT_PAGES", 8):
            life = Life(folder, recording, marks)
            life.start()
            life.visit(9_001, 2)
            life.acknowledge_all()
            life.stop()

    def judge_after(self, folder: Path) -> None:
        """Raise Broken unless the chain of everything durable is whole, with one outcome for each invite."""
        self.judge(folder)
        store = RaterStore(folder, TERMINAL, 1, JOURNAL_ID, make=False)
        try:
            prev, ended = bytes(8), set()
            for seq in range(1, store.last_seq + 1):
                event = store.read(seq) or b""
                clear, fields = evidence.open_event(Aes, KEY, event)
                require(fields[5] == prev, f"event {seq} does not continue the chain")
                prev = evidence.prev_hash(event)
                if clear.kind in codes.OUTCOMES:
                    ended.add(clear.invite)
            require(store.open_invite is None and set(self.invited) <= ended, "an invite has no outcome")
        finally:
            store.close()
