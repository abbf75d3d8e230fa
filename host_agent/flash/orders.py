"""What is left to be done by hand when a run over a fleet has ended."""

from pathlib import Path

from host_agent.errors import UserError
from host_agent.flash import ledger
from host_agent.flash.ledger import Ledger
from host_agent.flash.worker import PROVISIONING
from host_agent.rescue import archive
from host_agent.rescue.image import waiting

DEVELOPMENT_KEY = (
    "these bundles are signed by a development key of one build folder: for trials, not for terminals at a window"
)
_PROVISIONED = (PROVISIONING[0].name, ledger.OK)


def archives(folder: Path) -> set[Path]:
    """Return the archives of queue chips in a folder."""
    return set(folder.glob("*.rescue"))


def after(book: Ledger, run: int, new_archives: set[Path]) -> list[str]:
    """Return a sentence for each thing that a run over a fleet leaves to do, most urgent first."""
    found = [order for path in sorted(new_archives) if (order := _of_archive(path))]
    made = {stage.uid for stage in book.stages(run=run) if (stage.stage, stage.result) == _PROVISIONED}
    if made:
        count = "one terminal has" if len(made) == 1 else f"{len(made)} terminals have"
        found.append(f"{count} a new identity: tell the city before they work: yiping registry export")
    return found


def _of_archive(path: Path) -> str:
    """Return how the events of an archive that no agent had come to the city; nothing when there are none."""
    try:
        count = waiting(archive.read(path))
    except UserError as error:
        return f"{path}: {error.what}; {error.cure}"
    command = f"yiping terminal rescue --archive {path} --deliver agent.toml"
    return f"{count} events that no agent had are in {path}; bring them to the city: {command}" if count else ""
