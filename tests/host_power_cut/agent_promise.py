"""What the agent has promised at a moment of a run, and the judging of a store after a power cut against it."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from host_agent.own_records import EPOCH
from host_agent.store import FILE_NAME
from host_agent.store_rows import InviteRow, WindowRow
from host_agent.store_schema import RECEIPTED, REFUSED
from protocol import rating
from tests.city.terminals import Terminal
from tests.host_power_cut import agent_life
from tests.host_power_cut.agent_life import Clock, Life
from tests.host_power_cut.promise import Mark, opened, require
from tests.host_power_cut.vfs import Recording

Key = tuple[str, int, int]
_ENDED = {rating.KIND_NAMES[kind] for kind in rating.OUTCOMES}
_OUTCOMES = ", ".join(str(kind) for kind in rating.OUTCOMES)
_NOT_MOVING = 11  # the first fields of an invite, all but state and reason


@dataclass
class AgentPromise:
    """All that was handed to the store, and what of it must be there."""

    given: dict[Key, bytes] = field(default_factory=dict)
    acked: dict[Key, bytes] = field(default_factory=dict)
    receipted: set[Key] = field(default_factory=set)
    shelved: set[Key] = field(default_factory=set)
    purged: set[Key] = field(default_factory=set)
    invited: dict[bytes, InviteRow] = field(default_factory=dict)
    told: dict[str, WindowRow] = field(default_factory=dict)
    telling: dict[str, list[WindowRow]] = field(default_factory=dict)  # since then

    def keep(self, mark: Mark) -> None:
        """Take what happened."""
        value = mark.value
        if mark.what == agent_life.GIVEN:
            self.given.update({one[:3]: one[3] for one in value})
        elif mark.what == agent_life.ACKED:
            self.acked.update({one[:3]: one[3] for one in value})
        elif mark.what == agent_life.RECEIPTED:
            self.receipted |= value
        elif mark.what == agent_life.SHELVED:
            self.shelved |= value
        elif mark.what == agent_life.PURGED:
            self.purged |= self.receipted
        elif mark.what == agent_life.INVITED:
            self.invited[value.invite] = value
        elif mark.what == agent_life.TELLING:
            self.telling.setdefault(value.window, []).append(value)
        elif mark.what == agent_life.TOLD:
            self.told[value.window] = value
            self.telling[value.window] = []

    # --- judging

    def judge(self, folder: Path, waiting: int | None = None) -> None:
        """Raise Broken unless the store that lies in the folder keeps every promise, and so many events wait."""
        with opened(folder / FILE_NAME, bool(self.acked or self.invited or self.told)) as conn:
            if conn is None:
                return
            if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_records'").fetchone():
                require(not (self.acked or self.invited or self.told), "the layout was not whole when it was used")
                return
            self._judge_events(conn)
            self._judge_invites(conn)
            self._judge_windows(conn)
            found = conn.execute("SELECT count(*) FROM events WHERE state = 0").fetchone()[0]
            require(waiting is None or found == waiting, f"{found} events still wait for a receipt that came")

    def _judge_events(self, conn: sqlite3.Connection) -> None:
        held: dict[Key, bytes] = {}
        rows = conn.execute("SELECT terminal, epoch, seq, copy, evidence, state FROM events")
        for *place, copy, event, state in rows:
            key = tuple(place)
            require(key not in held and copy == 1, f"event {key} is doubled")
            require(self.given.get(key) == event, f"event {key} was never handed over with these bytes")
            require(state != RECEIPTED or key in self.receipted, f"event {key} counts as receipted and is not")
            require(state != REFUSED or key in self.shelved, f"event {key} counts as refused and is not")
            held[key] = event
        lost = sorted(key for key in self.acked if key not in held and key not in self.purged)
        require(not lost, f"acknowledged events are lost: {lost[:5]}")
        total = dict(conn.execute("SELECT name, value FROM counters"))
        require(len(self.acked) <= total["stored"] <= len(self.given), f"{total['stored']} counted as stored")
        require(total["receipted"] <= len(self.receipted), f"{total['receipted']} counted as receipted")
        self._judge_highest(conn, held)

    def _judge_highest(self, conn: sqlite3.Connection, held: dict[Key, bytes]) -> None:
        """HELLO tells the highest number: too low would store again what is there, too high stops the terminal."""
        highest = {(terminal, epoch): seq for terminal, epoch, seq in conn.execute("SELECT * FROM terminals")}
        highest |= {(name, EPOCH): last for name, last in conn.execute("SELECT * FROM own_records") if last}
        for terminal, epoch, seq in (*held, *self.acked):
            require(highest.get((terminal, epoch), 0) >= seq, f"the highest number of {terminal} is below {seq}")
        for (terminal, epoch), seq in highest.items():
            require((terminal, epoch, seq) in self.given, f"the highest number of {terminal} is {seq}: never given")

    def _judge_invites(self, conn: sqlite3.Connection) -> None:
        found = {
            row[0]: InviteRow._make(row) for row in conn.execute(f"SELECT {', '.join(InviteRow._fields)} FROM invites")
        }
        ended = {row[0] for row in conn.execute(f"SELECT invite FROM events WHERE kind IN ({_OUTCOMES})")}
        recorded = {row[0] for row in conn.execute("SELECT invite FROM events WHERE epoch = ?", (EPOCH,))}
        require(recorded <= found.keys() or self.purged, "a service is recorded whose invite is not there")
        for invite, row in self.invited.items():
            if invite not in found:
                require(self.purged, "an invite that may have been sent is lost")
                continue
            require(found[invite][:_NOT_MOVING] == row[:_NOT_MOVING], "an invite has changed")
            require(self.purged or invite in recorded, "an invite has no record of its service")
            require(invite not in ended or found[invite].state in _ENDED, "an invite lacks the outcome that is stored")

    def _judge_windows(self, conn: sqlite3.Connection) -> None:
        found = {row[0]: WindowRow._make(row) for row in conn.execute("SELECT window, clerk, paused FROM windows")}
        for window, telling in self.telling.items():
            allowed = [*telling, self.told.get(window)]
            require(found.get(window) in allowed, f"window {window} does not know what it was told")

    # --- going on

    def go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Start the agent's parts again: the terminals send what they hold, the city receipts all; mark it."""
        agent_life.run(lambda: self._go_on(folder, recording, marks), 0, checkpoint_pages=8)

    async def _go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        life = Life(folder, Clock(), recording, marks)
        await life.start()
        fresh = Terminal("YP-0099", window="W99")
        frames: dict[str, list[tuple[int, bytes]]] = {fresh.id: [(1, fresh.boots())]}
        for (terminal, epoch, seq), event in self.given.items():
            if epoch != EPOCH and (terminal, 1, seq) not in self.acked:
                frames.setdefault(terminal, []).append((seq, event))
        taken = [life.take(Terminal(terminal, window="W99"), frame) for terminal, frame in frames.items()]
        for future in taken:
            await future
        life.receipted(list(life.rows))
        await life.stop()

    def judge_after(self, folder: Path) -> None:
        """Raise Broken unless, after going on, everything given is there once and settled."""
        sent = {key for key in self.given if key[1] != EPOCH}
        require(sent <= self.acked.keys() <= self.given.keys(), "what was sent again was not acknowledged")
        self.judge(folder, waiting=0)
