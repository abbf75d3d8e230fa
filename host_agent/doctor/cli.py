"""The command `yiping doctor browser`."""

import json
import sys
from pathlib import Path

import click

from host_agent import config as agent_config
from host_agent.agent_check import Finding
from host_agent.config_option import config_option
from host_agent.doctor import browsers, policies
from host_agent.doctor.browser_check import BrowserCheck, configured, notes

_CLICKS = """What the clerk clicks, without a policy:
- Chrome, Edge, Chromium: 允许 (Allow), when it asks about other apps and services on this device (142 to 144: about
  devices on your local network). Refused once, it asks no more: the icon left of the address, 网站设置 (Site
  settings), 允许 (Allow); load the page again.
- Firefox: 允许 (Allow), remembered, when it asks about device apps and services.
- 360, 奇安信, 红莲花 and other relatives of Chromium: look up the kernel at chrome://version; from 142 on it asks as
  Chrome does. Their policies are set in the maker's management centre."""


@click.command()
@config_option
@click.option("--origin", "origins", multiple=True, help="Where the page comes from, e.g. https://hall.example.")
@click.option("--write", "folder", type=click.Path(path_type=Path), help="Write the policy files into a folder, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def browser(config_path: Path, origins: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Say whether the pages of other origins reach the running agent, and what browsers and clerks must allow."""
    config = agent_config.load(config_path)
    asked = list(origins) or configured(config)
    findings = BrowserCheck(config).findings(asked)
    found = browsers.find()
    files = policies.files(asked)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.text.encode())
    if as_json:
        whole = {
            "findings": [finding.as_dict() for finding in findings],
            "notes": notes(config, asked),
            "browsers": [one.as_dict() for one in found],
            "policies": [file.as_dict() for file in files],
        }
        click.echo(json.dumps(whole, ensure_ascii=False))
    else:
        click.echo(_text(findings, notes(config, asked), found, files))
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _text(
    findings: list[Finding], told: list[str], found: list[browsers.Browser], files: list[policies.PolicyFile]
) -> str:
    lines = [*(finding.line() for finding in findings), *(f"note {note}" for note in told), ""]
    lines += [f"{one.name} {one.version or '(version unknown)'}: {one.asks()}" for one in found]
    lines += ["", _CLICKS] if files else []
    for file in files:
        lines += ["", f"=== {file.browsers}: {file.name}, {file.place}", file.text.replace("\r\n", "\n").rstrip()]
    return "\n".join(lines)
