"""`yiping bundle key|build|show|verify`: make, read and check the files that terminals are flashed and updated with."""

import json
import os
from pathlib import Path

import click

from host_agent.bundle import archive, keys, layout, make, shipped
from host_agent.bundle.contents import Bundle
from host_agent.bundle.signature import fingerprint, is_signed
from host_agent.errors import UserError

PASSPHRASE = "YIPING_BUNDLE_PASSPHRASE"
_file = click.Path(path_type=Path)
_public = click.option(
    "--key", "public", type=_file, help="Public key to check with; without, that of the shipped bundles."
)


@click.command()
@click.argument("file", type=_file)
@click.option("--passphrase", is_flag=True, help=f"Encrypt it; asks, or takes {PASSPHRASE}.")
def key(file: Path, passphrase: bool) -> None:
    """Make a private key that signs bundles in FILE, and its public part in FILE.public."""
    if file.resolve().is_relative_to(layout.ROOT) and (layout.ROOT / "pyproject.toml").exists():
        raise UserError("a private key does not belong into the project", str(file), "name a file outside of it")
    word = None
    if passphrase:
        word = os.environ.get(PASSPHRASE) or click.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    made = keys.make(file, word)
    public = file.with_name(f"{file.name}.public")
    try:
        public.write_bytes(made.modulus)
    except OSError as error:
        what = f"the key is in {file}, but its public half cannot be written: {error.strerror or error}"
        raise UserError(what, str(public), f"remove {file} and make the key where there is room and right") from None
    click.echo(f"key {fingerprint(made.modulus)} in {file}, what it signs is checked with {public}")
    click.echo("Keep a copy off this machine: terminals take updates signed by this key and no other.")


@click.command()
@click.option("--board", "boards", multiple=True, help="Board; all without this option.")
@click.option("--key", "private", type=_file, required=True, help="Private key of `yiping bundle key`.")
@click.option("--out", type=_file, default=Path(), help="Folder for the files; the current one without.")
@click.option("--firmware", type=_file, default=layout.FIRMWARE, help="Folder of the firmware's sources.")
def build(boards: tuple[str, ...], private: Path, out: Path, firmware: Path) -> None:
    """Compile the firmware, pack it with its glyphs and sign it, one file a board."""
    signer = keys.load(private, os.environ.get(PASSPHRASE))
    known = sorted(path.stem for path in (firmware / "boards").glob("[a-z]*.py"))
    for board in boards or known:
        bundle = make.build(board, signer, firmware, fresh=True)
        path = out / make.file_name(board, bundle.version)
        archive.write(bundle, path)
        click.echo(f"{path}  manifest {layout.sha256(bundle.manifest).hex()}  key {fingerprint(signer.modulus)}")


@click.command()
@click.argument("file", type=_file)
@_public
@click.option("--files", is_flag=True, help="Name every file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, files and all.")
def show(file: Path, public: Path | None, files: bool, as_json: bool) -> None:
    """Show what is in a bundle, and whether the accepted key signed it."""
    bundle = archive.read(file)
    told = _told(bundle, _signer(bundle, public))
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for name in ("board", "version", "release", "floor", "bootstrap", "manifest", "signed"):
        click.echo(f"{name:<10} {told[name]}")
    for name in ("slot", "packs", "bootstrap_files"):
        entries = told[name]
        click.echo(f"{name:<16} {len(entries):>3} files {sum(entry['size'] for entry in entries):>9} bytes")
        for entry in entries if files else ():
            click.echo(f"  {entry['size']:>8}  {entry['sha256'][:16]}  {entry['path']}")


@click.command()
@click.argument("files", type=_file, nargs=-1)
@_public
def verify(files: tuple[Path, ...], public: Path | None) -> None:
    """Check bundles whole, file by file, and their signature; the shipped ones when no FILE is named."""
    modulus = shipped.key(public)
    for path in files or shipped.paths():
        bundle = archive.read(path)
        bundle.verify(modulus)
        click.echo(f"{path.name}: {bundle.board} {bundle.version}, whole, signed by {fingerprint(modulus)}")
    if public is None and shipped.is_development():
        click.echo("This is a development key of one build folder: not for terminals at a window.")


def _signer(bundle: Bundle, public: Path | None) -> str:
    """Return who signed it, in words. Raises UserError when the named key is none."""
    try:
        modulus = shipped.key(public)
    except UserError:
        if public is not None:
            raise
        return "not checked, as no key is at hand"
    if not is_signed(modulus, bundle.manifest, bundle.signature):
        return f"not by {fingerprint(modulus)}"
    note = " (development key)" if public is None and shipped.is_development() else ""
    return f"by {fingerprint(modulus)}{note}"


def _told(bundle: Bundle, signed: str) -> dict:
    """Return a bundle as plain data."""
    lists = {"slot": bundle.told.slot, "packs": bundle.told.packs, "bootstrap_files": bundle.told.bootstrap_files}
    return {
        "board": bundle.board,
        "version": bundle.version,
        "release": bundle.release,
        "floor": bundle.floor,
        "bootstrap": bundle.bootstrap,
        "manifest": layout.sha256(bundle.manifest).hex(),
        "signed": signed,
    } | {
        name: [{"path": entry.path, "size": entry.size, "sha256": entry.digest.hex()} for entry in entries]
        for name, entries in lists.items()
    }
