"""`yiping tags build` and `yiping tags show`: the table of tags that the terminals offer."""

from pathlib import Path

import click

from host_agent.content import tag_table
from host_agent.content.tag_table import TagTableError
from host_agent.errors import ManyUserErrors, UserError
from protocol import rating

_DIMENSION_NAMES = {number: name for name, number in tag_table.DIMENSIONS.items()}


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def build(source: Path, out: Path) -> None:
    """Turn SOURCE, written as protocol/indicators.json, into the table OUT for terminals and the city."""
    try:
        rows = tag_table.read_json(source)
        if lacking := sorted(set("".join(row[-1] for row in rows)) - drawn()):
            raise TagTableError([f"the terminals have no glyph for {''.join(lacking)}"])
        data = tag_table.encode(rows)
    except OSError as error:
        raise UserError(f"cannot read the tags: {error.strerror}", str(source), "check the path") from None
    except TagTableError as error:
        cure = "correct it; protocol/indicators.json is an example"
        raise ManyUserErrors([UserError(fault, str(source), cure) for fault in error.faults]) from None
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write the table: {error.strerror}", str(out), "check folder and rights") from None
    click.echo(f"table {tag_table.version(data).hex()}, {len(data)} bytes, in {out}")


def drawn() -> set[str]:
    """Return the characters of tags that every terminal draws; see glyph_sets.py."""
    from host_agent.content import glyph_sets

    sets = "".join(glyph_sets.charset(name) for name in (*glyph_sets.NAME_SETS, *glyph_sets.NOTICE_SETS))
    own = "".join(row[-1] for row in tag_table.decode(tag_table.builtin()))
    return set(glyph_sets.ASCII + glyph_sets.PUNCTUATION + sets + own)


@click.command()
@click.argument("table", type=click.Path(path_type=Path), required=False)
def show(table: Path | None) -> None:
    """Show a table that was built, or the built-in one."""
    data = tag_table.builtin() if table is None else read(table)
    rows = tag_table.decode(data)
    click.echo(f"table {tag_table.version(data).hex()}, {len(data)} bytes, {len(rows)} tags")
    for code, dimension, core, retired, text in rows:
        marks = " core" if core else " retired" if retired else ""
        level = rating.LEVEL_TEXT_ZH[rating.tag_level(code)]
        click.echo(f"{code}  {level}  {_DIMENSION_NAMES[dimension]}  {text}{marks}")


def read(path: Path) -> bytes:
    """Return the bytes of a sound table; raises UserError for another file."""
    try:
        data = path.read_bytes()
        tag_table.decode(data)
    except OSError as error:
        raise UserError(f"cannot read the tag table: {error.strerror}", str(path), "check the path") from None
    except TagTableError as error:
        raise UserError(f"no tag table: {error}", str(path), "build it with `yiping tags build`") from None
    return data
