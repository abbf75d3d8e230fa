"""What the stages of one board share: its ports, what is known of it, and the station that all boards share."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from host_agent.board import faults
from host_agent.board.faults import BoardFault, StoppedError
from host_agent.board.prompt import Prompt
from host_agent.errors import UserError
from host_agent.flash.chips import Chip
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.ledger import Ledger
from host_agent.provision.record import LINK_UART
from host_agent.provision.station import Station

if TYPE_CHECKING:
    from host_agent.flash.rows import Rows

# What a board is found as: the bare prompt, a terminal whose jumper opens its console, a terminal in service.
PROMPT, TERMINAL = "prompt", "terminal"

Progress = Callable[[int, int], None]


class Image(Protocol):
    """A verified bundle, as far as flashing looks into it (host_agent.bundle)."""

    @property
    def board(self) -> str:
        """Return the board that it is for."""
        ...

    @property
    def version(self) -> str:
        """Return its version."""
        ...

    @property
    def manifest(self) -> bytes:
        """Return its manifest's bytes."""
        ...

    def flash_files(self) -> dict[str, bytes]:
        """Return all that is written to a board."""
        ...


@attrs.define
class Bench:
    """The station's side of every job."""

    ledger: Ledger
    run: int
    station: Station
    images: Mapping[str, Image]  # by board
    archive: Path
    labels: Path
    rows: "Rows"
    ports_of: Callable[[str, str], list[str]]  # group, terminal → where the terminal may be found now
    with_person: bool = False  # who tests each board before it is provisioned
    station_lock: threading.Lock = attrs.field(factory=threading.Lock)
    person_lock: threading.Lock = attrs.field(factory=threading.Lock)
    stop: threading.Event = attrs.field(factory=threading.Event)


@attrs.define
class Job:
    """One board in work; belongs to its worker's thread."""

    bench: Bench
    group: str
    devices: list[str]
    serial: str | None = None  # USB serial number that the ports had
    progress: Progress = attrs.field(default=lambda _done, _all: None)
    tell: Callable[[str], None] = attrs.field(default=lambda _text: None)
    state: str = ""
    prompt: Prompt | None = None
    uid: str = ""
    chip: Chip | None = None
    kind: str | None = None  # board, where its chips tell
    row: FleetRow | None = None
    terminal: str | None = None  # id that the board bears already
    hello: dict = attrs.field(factory=dict)
    jumper: bool = False  # its maintenance jumper is set, so that its console stays open

    @property
    def port(self) -> str:
        """Return the port that is worked at, or the first one."""
        return self.prompt.port if self.prompt else self.devices[0]

    @property
    def image(self) -> Image:
        """Return the bundle for this board."""
        return self.bench.images[self.wanted.board]

    @property
    def wanted(self) -> FleetRow:
        """Return the row of the fleet that this board is for; only after identify."""
        if self.row is None:
            raise AssertionError("a stage ran before the board was identified")
        return self.row

    @property
    def is_silent(self) -> bool:
        """Say whether the terminal's link is its UART: once it has started, nothing of it is seen here."""
        return self.wanted.link == LINK_UART

    @property
    def open_prompt(self) -> Prompt:
        """Return the prompt; only while the board is at it."""
        if self.prompt is None:
            raise AssertionError("a stage for the prompt ran without one")
        return self.prompt

    def check_stop(self) -> None:
        """Raise StoppedError when the run was told to stop."""
        if self.bench.stop.is_set():
            raise StoppedError

    def close(self) -> None:
        """Give the port back."""
        prompt, self.prompt = self.prompt, None
        if prompt is not None:
            prompt.close()


class Stage:
    """One step of a board's way; `run` returns what to tell of it."""

    name = ""

    def run(self, job: Job) -> str:
        """Do the step, or find that it was done. Raises UserError, StoppedError."""
        raise NotImplementedError


def code_of(error: UserError) -> str:
    """Return the code of a fault."""
    return error.code if isinstance(error, BoardFault) else faults.BOARD
