"""The command `yiping`: a table of sub-commands that are imported only when they are called."""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

# path of words → "module:attribute" of a click command, and what the list of commands says of it.
COMMANDS: dict[str, dict[str, tuple[str, str]] | tuple[str, str]] = {
    "agent": {
        "run": ("host_agent.agent_cli:run", "Run the agent of this PC."),
        "check": ("host_agent.agent_cli:check", "Try configuration, ports and broker, and say what is wrong."),
        "status": ("host_agent.agent_cli:status", "Ask the running agent how it fares."),
    },
    "receiver": {
        "run": ("host_agent.receiver.cli:run", "Run the receiver at the city."),
        "status": ("host_agent.receiver.cli:status", "Ask the running receiver how it fares."),
    },
    "station": {
        "init": ("host_agent.provision.station_cli:init", "Make the file of a provisioning station."),
        "list": ("host_agent.provision.station_cli:list_", "List the terminals that a station made."),
        "receipt": ("host_agent.provision.exchange_cli:receipt", "Take the city's receipt of an export."),
    },
    "terminal": {
        "end": ("host_agent.provision.terminal_cli:end", "Seal a terminal's last event and archive its queue."),
        "swap": ("host_agent.provision.terminal_cli:swap", "Make a board the terminal of a window."),
        "lost": ("host_agent.provision.terminal_cli:lost", "Note that a terminal is broken or gone."),
        "test": ("host_agent.self_test.cli:test", "Have the terminal of a window test its parts."),
        "rescue": ("host_agent.rescue.cli:rescue", "Save what the queue chip of a broken terminal holds."),
    },
    "update": {
        "offer": ("host_agent.update.cli:offer", "Offer a signed bundle to the terminals of this PC."),
        "remove": ("host_agent.update.cli:remove", "Offer a version no longer."),
        "status": ("host_agent.update.cli:status", "Say how each terminal's update stands."),
        "retry": ("host_agent.update.cli:retry", "Let a terminal try again the update that failed."),
    },
    "rollout": {
        "start": ("host_agent.rollout.cli:start", "Roll a version out to a centre, in waves."),
        "status": ("host_agent.rollout.cli:status", "Say which versions run and how roll-outs stand."),
        "halt": ("host_agent.rollout.cli:halt", "Stop a roll-out."),
        "resume": ("host_agent.rollout.cli:resume", "Go on after a halt."),
        "abort": ("host_agent.rollout.cli:abort", "End a roll-out."),
    },
    "registry": {
        "keygen": ("host_agent.provision.exchange_cli:keygen", "Make the city's key pair for terminals' secrets."),
        "export": ("host_agent.provision.exchange_cli:export", "Write a station's terminals for the city alone."),
        "import": ("host_agent.provision.exchange_cli:import_", "Merge a station's terminals at the city."),
        "distrust": ("host_agent.provision.exchange_cli:distrust", "Take no more exports of a station."),
        "add": ("host_agent.provision.cli:add", "Register terminals by their provision.json at the city."),
        "list": ("host_agent.provision.cli:list_", "List the registered terminals."),
    },
    "identity": {
        "keygen": ("host_agent.provision.identity_cli:keygen", "Make the city's key pair for identities of citizens."),
        "open": ("host_agent.provision.identity_cli:open_", "Read an identity that was sealed to the city's key."),
    },
    "broker": {
        "init": ("host_agent.broker_kit.cli:init", "Make a broker's folder: authority, certificate, configuration."),
        "add-agent": ("host_agent.broker_kit.cli:add_agent", "Give an agent its certificate and access."),
        "add-receiver": ("host_agent.broker_kit.cli:add_receiver", "Give a receiver its certificate and access."),
        "remove": ("host_agent.broker_kit.cli:remove", "Take all access from a client."),
        "list": ("host_agent.broker_kit.cli:list_", "List who may connect."),
        "rules": ("host_agent.broker_kit.cli:print_rules", "Print the access rules for mosquitto or EMQX."),
    },
    "legacy": {"provision": ("host_agent.legacy.cli:provision", "Make the agent's key for an old FF68 rater.")},
    "sim": {
        "run": ("simulator.cli:run", "Run a simulated terminal on a pty."),
        "board": ("simulator.board_cli:board", "Run bare boards at ports and drives, to try yiping flash."),
        "rater": ("simulator.rater_cli:rater", "Run simulated old FF68 raters on a pty."),
    },
    "city": {"run": ("simulator.city.cli:run", "Run the stand-in of the municipal system.")},
    "glyphs": {
        "build": ("host_agent.content.cli:build", "Build glyph packs from fonts."),
        "check": ("host_agent.content.cli:check", "Fail if a text of the firmware lacks a glyph."),
    },
    "prompts": {
        "build": ("host_agent.content.prompts_cli:build", "Build the tracks of the voice modules."),
        "check": ("host_agent.content.prompts_cli:check", "Fail if a prompt would be spoken wrongly."),
    },
    "staff": {
        "import": ("host_agent.content.staff_cli:import_", "Put clerks and their photos on the terminals."),
        "list": ("host_agent.content.staff_cli:list_", "List the clerks."),
        "remove": ("host_agent.content.staff_cli:remove", "Forget clerks, here and on every terminal."),
        "give-up": ("host_agent.content.staff_cli:give_up", "Wait no longer for a terminal that is gone."),
    },
    "notice": {
        "set": ("host_agent.content.notice_cli:set_", "Show a notice while nobody serves."),
        "clear": ("host_agent.content.notice_cli:clear", "Take the notice away."),
    },
    "tags": {
        "build": ("host_agent.content.tags_cli:build", "Build a tag table for terminals and city."),
        "show": ("host_agent.content.tags_cli:show", "Show a tag table."),
    },
    "window": {"qr": ("host_agent.paper.cli:qr", "Make the sign of a window with its code.")},
    "paper": {"form": ("host_agent.paper.cli:form", "Print a form for a rating on paper.")},
    "qr": {
        "keygen": ("host_agent.qr_cli:keygen", "Make the key of the tokens in QR codes."),
        "check": ("host_agent.qr_cli:check", "Say what a token is for."),
    },
    "doctor": {"browser": ("host_agent.doctor.cli:browser", "Say what keeps web pages from the agent.")},
    "bundle": {
        "key": ("host_agent.bundle.cli:key", "Make the key that signs bundles."),
        "build": ("host_agent.bundle.cli:build", "Compile, pack and sign the terminals' firmware."),
        "show": ("host_agent.bundle.cli:show", "Show what is in a bundle."),
        "verify": ("host_agent.bundle.cli:verify", "Check bundles and their signatures."),
    },
    "flash": ("host_agent.flash.cli:flash", "Flash and provision bare boards, many at once."),
    "decode": ("host_agent.decode:decode", "Read captures and events."),
    "demo": ("simulator.demo.cli:demo", "Run the whole chain on this machine."),
}
GROUP_TEXTS = {
    "bundle": "What terminals are flashed and updated with.",
    "window": "Signs of windows.",
    "paper": "Forms on paper.",
    "qr": "Keys and tokens of QR codes.",
    "doctor": "Why something does not work.",
    "agent": "The agent of a counter PC.",
    "receiver": "The receiver at the city.",
    "station": "A station where terminals are provisioned.",
    "terminal": "Test, end, replace and rescue terminals.",
    "registry": "The city's registry of terminals.",
    "update": "Firmware of this PC's terminals.",
    "rollout": "Firmware of a centre, from the city.",
    "identity": "The city's key for identities of citizens.",
    "broker": "Certificates and access rules of the message broker.",
    "legacy": "Old raters as terminals.",
    "sim": "Simulated terminals and old raters.",
    "city": "The stand-in of the municipal system.",
    "glyphs": "Glyph packs of the screens.",
    "prompts": "What the terminals say.",
    "staff": "The clerks whom the terminals show.",
    "notice": "What terminals show while nobody serves.",
    "tags": "The tags that explain a level.",
}


class LazyGroup(click.Group):
    """Look commands up in a table and import them when called."""

    def __init__(self, table: dict, **options: Any) -> None:
        """Keep the table: name → ("module:attribute", text), or a table again."""
        super().__init__(**options)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for a name that does not exist."""
        entry = self._table.get(cmd_name)
        if entry is None:
            return None
        if isinstance(entry, dict):
            return LazyGroup(entry, name=cmd_name, help=GROUP_TEXTS.get(cmd_name), no_args_is_help=True)
        module, attribute = entry[0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        rows = [
            (name, entry[1] if isinstance(entry, tuple) else GROUP_TEXTS.get(name, ""))
            for name, entry in sorted(self._table.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def program_version() -> str:
    """Return the installed version."""
    try:
        return version("yiping")
    except PackageNotFoundError:
        return "0+unknown"


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"yiping {program_version()}")
        ctx.exit()


main = LazyGroup(
    COMMANDS,
    name="yiping",
    help="Rating terminals for service windows, and the way of their ratings to the city.",
    no_args_is_help=True,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_print_version,
            help="Show the version and leave.",
        )
    ],
)
