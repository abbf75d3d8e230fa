"""`yiping sim rater`: old FF68 raters on a serial device file, with a small prompt for their keys and faults."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import click

from simulator.legacy_rater import KEYS, LegacyRater, RaterBus
from simulator.prompt import Prompt, either, end, number

_HELP = """\
press N [ADDRESS]     press key N (1 the best to 5) of a rater
grade N [ADDRESS]     let a rater send any grade N
late MS               wait so long between press and sending
deaf on|off           hear no acknowledgement
open on|off           send grades without having been asked
checksum wrong|right  of what is sent
double on|off         send each grade twice
echo on|off           be an adapter that hears itself
noise                 put rubbish on the bus
stranger              let a rater of another address speak
unplug, plug          pull the adapter, put it in
wait MS               wait before the next command
status                what the raters were told
help                  this list
quit                  end"""


@click.command()
@click.option("--link", "link_path", required=True, type=click.Path(path_type=Path), help="Serial device to make.")
@click.option("--address", "addresses", type=click.IntRange(1, 127), multiple=True, help="Of each rater  [default: 1]")
@click.option("--bare", is_flag=True, help="Send under the bare address, without 0x80.")
@click.option("--echo", is_flag=True, help="Behave as a two-wire adapter that hears itself.")
@click.option("--prompt/--no-prompt", default=True, help="Read commands, or only run until terminated.")
def rater(link_path: Path, addresses: tuple[int, ...], bare: bool, echo: bool, prompt: bool) -> None:
    """Run old FF68 raters until `quit`, end of input or a signal."""
    signal.signal(signal.SIGTERM, end)
    bus = RaterBus(link_path, addresses or (1,), bare, echo).start()
    try:
        click.echo(f"Raters {', '.join(map(str, bus.raters))} on serial device {link_path}")
        if prompt:
            Prompt(_commands(bus), _HELP).run()
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        click.echo()
    finally:
        bus.close()


def _commands(bus: RaterBus) -> dict[str, tuple[Callable[..., object], int, int]]:
    def each(change: Callable[[LegacyRater], None]) -> None:
        for one in bus.raters.values():
            change(one)

    return {
        "press": (lambda key, address=None: _say(bus.press(_key(key), _address(bus, address))), 1, 2),
        "grade": (lambda grade, address=None: _say(bus.rater(_address(bus, address)).press_grade(_byte(grade))), 1, 2),
        "late": (lambda ms: each(lambda one: setattr(one, "late_s", number(ms) / 1000)), 1, 1),
        "deaf": (lambda word: each(lambda one: setattr(one, "deaf", either(word, "on", "off"))), 1, 1),
        "open": (lambda word: each(lambda one: setattr(one, "always_open", either(word, "on", "off"))), 1, 1),
        "double": (lambda word: each(lambda one: setattr(one, "double", either(word, "on", "off"))), 1, 1),
        "checksum": (
            lambda word: each(lambda one: setattr(one, "wrong_checksum", either(word, "wrong", "right"))),
            1,
            1,
        ),
        "echo": (lambda word: setattr(bus, "echo", either(word, "on", "off")), 1, 1),
        "noise": (bus.noise, 0, 0),
        "stranger": (bus.stranger, 0, 0),
        "unplug": (bus.unplug, 0, 0),
        "plug": (bus.plug, 0, 0),
        "wait": (lambda ms: threading.Event().wait(number(ms) / 1000), 1, 1),
        "status": (lambda: each(_tell), 0, 0),
    }


def _say(taken: bool) -> None:
    click.echo("sent" if taken else "no evaluation is open")


def _tell(one: LegacyRater) -> None:
    state = "evaluates" if one.evaluates else "rests"
    stars = "no stars" if one.stars is None else f"{one.stars} stars"
    click.echo(f"rater {one.address}: {state}, begun {one.begun}, acknowledged {one.acknowledged}, {stars}")


def _key(word: str) -> int:
    if number(word) not in KEYS:
        raise click.UsageError(f"no key {word}: 1 to 5")
    return int(word)


def _byte(word: str) -> int:
    if number(word) > 255:
        raise click.UsageError(f"no grade {word}: 0 to 255")
    return int(word)


def _address(bus: RaterBus, word: str | None) -> int | None:
    if word is not None and number(word) not in bus.raters:
        raise click.UsageError(f"no rater {word} on this bus")
    return None if word is None else int(word)
