"""`yiping prompts build` and `yiping prompts check`: what the terminals say, as tracks for their voice modules."""

from importlib import metadata
from pathlib import Path

import click

from host_agent.content import prompt_pack, prompt_table, speech

UI = Path(__file__).parents[2] / "firmware" / "ui"

_ui = click.option("--ui", type=click.Path(path_type=Path), default=UI, help="where the firmware's prompts are named")
_table = click.option(
    "--table", type=click.Path(path_type=Path), default=prompt_table.TABLE, help="texts and phonemes of the prompts"
)


@click.command()
@_ui
@_table
@click.option("--out", type=click.Path(path_type=Path), required=True, help="folder for the tracks")
@click.option("--recordings", type=click.Path(path_type=Path), help="folder of own recordings, named invite.zh.wav")
def build(ui: Path, table: Path, out: Path, recordings: Path | None) -> None:
    """Make the tracks of a voice module: own recordings where there are some, else a synthetic voice."""
    prompts = prompt_table.read(ui, table)
    found = prompt_pack.find_recordings(recordings, prompts) if recordings else {}
    spoken = [prompt for prompt in prompts if prompt.recording not in found]
    engine = "none"
    if spoken:
        prompt_table.check_phonemes(spoken, speech.phonemes, table)
        engine = f"espeakng-loader {metadata.version('espeakng-loader')}"
    rows = prompt_pack.build(out, prompts, found, speech.speak, engine)
    seconds = sum(row["duration_ms"] for row in rows) / 1000
    click.echo(f"{len(rows)} tracks, {len(found)} of them recordings, {seconds:.0f} s, in {out}")


@click.command()
@_ui
@_table
@click.option("--pack", type=click.Path(path_type=Path), help="also check a built folder, or a mounted module")
def check(ui: Path, table: Path, pack: Path | None) -> None:
    """Fail if a prompt lacks a language or would be spoken wrongly."""
    prompts = prompt_table.read(ui, table)
    prompt_table.check_phonemes(prompts, speech.phonemes, table)
    click.echo(f"{len(prompts)} prompts are spoken as the table says")
    if pack:
        prompt_pack.check(pack, prompts)
        click.echo(f"{pack} holds them all")
