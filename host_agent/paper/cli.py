"""`yiping window qr` and `yiping paper form`: what is printed for a window."""

import re
from pathlib import Path

import click
import segno

from host_agent import config as configuration
from host_agent import folders, qr_codes
from host_agent.agent_client import AgentClient
from host_agent.config_model import Config
from host_agent.config_option import config_option
from host_agent.errors import UserError
from host_agent.paper import sign

_UNSAFE = re.compile(r"[^0-9A-Za-z._-]")
_PNG_SCALE = 16  # px a module: 40 mm at 300 dpi and more


@click.group()
def window() -> None:
    """Signs of windows."""


@window.command()
@config_option
@click.option("--window", "names", multiple=True, help="Of this window only; several are possible.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("signs"),
    show_default=True,
    help="Folder of the signs.",
)
@click.option("--sheet", type=click.Choice(sign.SHEETS), default="A4", show_default=True, help="Size of the sign.")
def qr(config_path: Path, names: tuple[str, ...], out: Path, sheet: str) -> None:
    """Make a sign with a window's code: PDF to print, and the code alone as PNG. They hold until the key is retired."""
    config = configuration.load(config_path)
    codes = _codes(config)
    chosen = [section for section in config.windows if not names or section.id in names]
    missing = sorted(set(names) - {section.id for section in chosen})
    if missing:
        known = ", ".join(section.id for section in config.windows)
        raise UserError(f"no window {missing[0]}", str(config_path), f"name one of: {known}")
    folders.make(out)
    for section in chosen:
        address = codes.window(section.id)
        stem = out / _UNSAFE.sub("_", section.id)
        data = sign.sign(sheet, config.agent.centre, section.name or section.id, address)
        stem.with_suffix(".pdf").write_bytes(data)
        code = segno.make(address, error="m", micro=False, boost_error=False)
        code.save(str(stem.with_suffix(".png")), scale=_PNG_SCALE, border=4)
        click.echo(f"{section.id}: {stem}.pdf, {stem}.png")


@click.group()
def paper() -> None:
    """Forms on paper."""


@paper.command()
@config_option
@click.option("--window", "name", required=True, help="The window that was visited.")
@click.option("--project-no", help="Number of the case.")
@click.option("--task-name", help="Name of the matter.")
@click.option("--ticket", help="Ticket of the visit.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("form.pdf"),
    show_default=True,
    help="The file of the form.",
)
def form(
    config_path: Path, name: str, project_no: str | None, task_name: str | None, ticket: str | None, out: Path
) -> None:
    """Have the running agent record a service on paper, and keep its form as PDF."""
    case = {key: value for key, value in (("project_no", project_no), ("task_name", task_name)) if value}
    body = {**({"case": case} if case else {}), **({"ticket": ticket} if ticket else {})}
    client = AgentClient(configuration.load(config_path))
    out.write_bytes(client.file("POST", f"/api/v1/windows/{name}/paper-form", body))
    click.echo(f"the form is in {out}")


def _codes(config: Config) -> qr_codes.Codes:
    codes = qr_codes.of(config)
    if codes is None:
        cure = "add [qr] with base_url, and a key_file made by yiping qr keygen"
        raise UserError("there is no address for codes", f"{config.path}: qr", cure)
    return codes
