"""Keeps roll-outs and what terminals report beside the receiver's database: `rollout.db` in its data folder.

Promise: the running receiver and an administrator's command change it only inside one transaction that reads first, so
a halt is never overwritten by a step that began before it; what is committed survives a power cut.

Stored layout (SQLite, WAL, STRICT): `rollouts` one row each, the newest last; at most one of a centre is open.
`members` the terminals of a roll-out. `reports` what is heard of each terminal, the newest; `agents` who is there.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from sqlite_utils import Database, Migrations

from host_agent import folders
from host_agent.errors import UserError
from host_agent.rollout.model import OPEN_STATES, Limits, Member, Offer, Report, Rollout
from host_agent.store import connect

FILE_NAME = "rollout.db"
migrations = Migrations("host_agent.rollout")

_REPORT = tuple(field.name for field in attrs.fields(Report))
_MEMBER = tuple(field.name for field in attrs.fields(Member))
_SCALARS = ("id", "centre", "version", "state", "why", "wave", "forgiven", "started_ms", "changed_ms", "settled_ms")


@migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in (
        """CREATE TABLE rollouts(
            id TEXT PRIMARY KEY, centre TEXT NOT NULL, version TEXT NOT NULL, state TEXT NOT NULL, why TEXT,
            wave INTEGER NOT NULL, forgiven INTEGER NOT NULL, started_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
            settled_ms INTEGER, offers TEXT NOT NULL, limits TEXT NOT NULL) STRICT""",
        "CREATE UNIQUE INDEX rollouts_open ON rollouts(centre) WHERE state IN ('running', 'halted')",
        """CREATE TABLE members(
            rollout TEXT NOT NULL, terminal TEXT NOT NULL, agent TEXT NOT NULL, board TEXT NOT NULL, wave INTEGER,
            state TEXT NOT NULL, why TEXT, since_ms INTEGER NOT NULL, retry INTEGER NOT NULL,
            PRIMARY KEY(rollout, terminal)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE reports(
            centre TEXT NOT NULL, terminal TEXT NOT NULL, agent TEXT NOT NULL, "window" TEXT NOT NULL,
            board TEXT NOT NULL, firmware TEXT NOT NULL, running TEXT, state TEXT NOT NULL, update_state TEXT,
            update_why TEXT, update_manifest TEXT, heard_ms INTEGER NOT NULL,
            PRIMARY KEY(centre, terminal)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE agents(
            centre TEXT NOT NULL, agent TEXT NOT NULL, there INTEGER NOT NULL,
            PRIMARY KEY(centre, agent)) STRICT, WITHOUT ROWID""",
    ):
        db.conn.execute(statement)


class RolloutStore:
    """Own one connection; every method belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        """Open or make the database.

        :raises UserError: the folder or the file cannot be used.
        """
        self.path = folder / FILE_NAME
        try:
            folders.make(folder)
            self._conn = connect(self.path)
            migrations.apply(Database(self._conn))
        except (OSError, sqlite3.Error) as error:
            cure = "check receiver.data_dir, its rights and room"
            raise UserError(f"cannot open the roll-outs: {error}", str(self.path), cure) from None

    def close(self) -> None:
        """Close the database."""
        self._conn.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Make what is written inside durable together, or nothing of it; raises sqlite3.Error."""
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")

    # --- roll-outs

    def open_ones(self) -> list[Rollout]:
        """Return those that run or are halted, the oldest first."""
        return self._some(f"state IN ({_marks(OPEN_STATES)})", OPEN_STATES)

    def of_centre(self, centre: str) -> Rollout | None:
        """Return the newest of a centre."""
        return next(iter(self._some("centre = ? ORDER BY started_ms DESC LIMIT 1", (centre,))), None)

    def newest(self) -> list[Rollout]:
        """Return the newest of each centre."""
        return self._some("started_ms = (SELECT max(started_ms) FROM rollouts b WHERE b.centre = a.centre)", ())

    def put(self, rollout: Rollout) -> None:
        """Keep a roll-out and its members as they are; to be called inside `change`."""
        offers = json.dumps([attrs.asdict(offer) for offer in rollout.offers.values()])
        limits = json.dumps(attrs.asdict(rollout.limits))
        values = (*(getattr(rollout, name) for name in _SCALARS), offers, limits)
        self._conn.execute(
            f"INSERT OR REPLACE INTO rollouts({', '.join(_SCALARS)}, offers, limits) VALUES ({_marks(values)})", values
        )
        self._conn.executemany(
            f"INSERT OR REPLACE INTO members(rollout, {', '.join(_MEMBER)}) VALUES (?, {_marks(_MEMBER)})",
            [(rollout.id, *attrs.astuple(member)) for member in rollout.members.values()],
        )

    def _some(self, where: str, values: tuple) -> list[Rollout]:
        rows = self._conn.execute(
            f"SELECT {', '.join(_SCALARS)}, offers, limits FROM rollouts a WHERE {where}", values
        ).fetchall()
        return [self._rollout(row) for row in rows]

    def _rollout(self, row: tuple) -> Rollout:
        scalars = dict(zip(_SCALARS, row[: len(_SCALARS)], strict=True))
        offers = [Offer(**one) for one in json.loads(row[-2])]
        told = json.loads(row[-1])
        limits = Limits(**(told | {"waves": tuple(told["waves"])}))
        members = self._conn.execute(
            f"SELECT {', '.join(_MEMBER)} FROM members WHERE rollout = ? ORDER BY terminal", (scalars["id"],)
        )
        found = [_member(one) for one in members]
        return Rollout(
            **scalars,
            offers={offer.board: offer for offer in offers},
            limits=limits,
            members={member.terminal: member for member in found},
        )

    # --- reports

    def hear(self, centre: str, report: Report) -> None:
        """Keep what was heard of a terminal."""
        self._conn.execute(
            f"INSERT OR REPLACE INTO reports(centre, {_columns(_REPORT)}) VALUES (?, {_marks(_REPORT)})",
            (centre, *attrs.astuple(report)),
        )

    def hear_agent(self, centre: str, agent: str, there: bool) -> None:
        """Keep whether an agent is there."""
        self._conn.execute("INSERT OR REPLACE INTO agents(centre, agent, there) VALUES (?,?,?)", (centre, agent, there))

    def reports(self, centre: str) -> dict[str, Report]:
        """Return what was heard of a centre's terminals; those of an agent that is gone are lost."""
        rows = self._conn.execute(f"SELECT {_columns(_REPORT)} FROM reports WHERE centre = ?", (centre,)).fetchall()
        gone = {
            row[0] for row in self._conn.execute("SELECT agent FROM agents WHERE centre = ? AND NOT there", (centre,))
        }
        found = [Report(*row) for row in rows]
        return {one.terminal: attrs.evolve(one, state="lost") if one.agent in gone else one for one in found}

    def centres(self) -> list[str]:
        """Return the centres that something was heard of."""
        return [row[0] for row in self._conn.execute("SELECT DISTINCT centre FROM reports ORDER BY centre")]


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _marks(values: tuple) -> str:
    return ", ".join("?" * len(values))


def _member(row: tuple) -> Member:
    given: dict[str, Any] = dict(zip(_MEMBER, row, strict=True))
    given["retry"] = bool(given["retry"])
    return Member(**given)
