"""Every command says what it does, and the command line starts fast and pure."""

import subprocess
import sys

import click
import pytest

from tests.lint.sources import ROOT

HEAVY = {"simulator", "starlette", "paho", "cryptography", "PIL"}


def walk(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return a command and all its sub-commands with their paths."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command, info_name="yiping")
        for sub_name in command.list_commands(context):
            found += walk(command.get_command(context, sub_name), (*path, sub_name))
    return found


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    """Return every command by its words."""
    from host_agent.cli import main

    return {" ".join(path): command for path, command in walk(main)}


def test_expected_commands_exist(commands):
    expected = {
        "agent run",
        "agent check",
        "agent status",
        "receiver run",
        "receiver status",
        "registry add",
        "registry list",
    }
    assert expected | {"sim run", "city run", "demo", "glyphs build"} <= set(commands)


def test_every_command_and_option_has_help(commands):
    silent = [words for words, command in commands.items() if not (command.help or command.short_help)]
    for words, command in commands.items():
        options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
        silent += [f"{words} {option.opts[0]}" for option in options if not option.help]
    assert silent == []


def test_help_of_every_command_can_be_printed(commands):
    for words, command in commands.items():
        context = click.Context(command, info_name="yiping " + words)
        assert command.get_help(context).startswith("Usage: yiping")


def test_help_loads_no_sub_command():
    code = (
        "import sys, host_agent.cli as c\n"
        "try: c.main(['--version'])\n"
        "except SystemExit: pass\n"
        f"print(sorted({{m.split('.')[0] for m in sys.modules}} & {HEAVY}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
