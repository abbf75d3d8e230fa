"""Renew the four locks from pyproject.toml; needs the network, pip-tools and a package index.

requirements.lock    everything for demo and tests, all extras, hashes of every file the index offers for a version
tools/core.lock      what an installed agent pulls in, resolved for a machine without any binary wheel
tools/tools.lock     type checker and lock maker, kept in an environment of their own
tools/stubs.lock     MicroPython's types for the boards, kept in typings/<board>

A lock holds no address, so that every site uses its own index. Versions move only with --upgrade.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
NO_ADDRESS = ("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-header")
HEADER = "# Made by `make lock`, which also says what this lock is for. Not edited by hand.\n"


def compile_lock(source: Path, lock: Path, *options: str) -> None:
    """Write the lock of one requirements source, keeping the versions it already has unless told to upgrade."""
    command = [
        sys.executable,
        "-m",
        "piptools",
        "compile",
        "-q",
        "--generate-hashes",
        "--strip-extras",
        "--allow-unsafe",
    ]
    command += [*NO_ADDRESS, *options, "-o", str(lock), str(source)]
    subprocess.run(command, check=True, cwd=ROOT)
    text = lock.read_text().replace(str(source), source.name)
    lock.write_text(HEADER + text.removeprefix(HEADER))


def compile_group(group: list[str], lock: Path, *options: str) -> None:
    """Write the lock of a dependency group of pyproject.toml."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, lock.stem + ".in")
        source.write_text("\n".join(group) + "\n")
        compile_lock(source, lock, *options)


def restore_markers(lock: Path, project: dict) -> None:
    """Put back the platform markers that resolving on one platform loses, so that others skip those packages."""
    text = lock.read_text()
    for extra in project["optional-dependencies"].values():
        for requirement in map(Requirement, extra):
            if requirement.marker:
                pinned = re.compile(rf"^({re.escape(requirement.name)}==[^ ;]+) \\$", re.MULTILINE)
                text = pinned.sub(lambda match, marker=requirement.marker: f"{match[1]} ; {marker} \\", text)
    lock.write_text(text)


def pins(lock: Path) -> list[str]:
    """Return the `name==version` of a lock."""
    return re.findall(r"^[A-Za-z0-9_.-]+==[^ ;\\]+", lock.read_text(), re.MULTILINE)


def resolve_pure(requirements: list[str], constraints: list[str]) -> list[dict]:
    """Return pip's report of the requirements resolved for a platform that no binary wheel fits."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "constraints.txt").write_text("\n".join(constraints))
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed"]
        command += [
            "--only-binary=:all:",
            "--platform=any",
            "--implementation=py",
            "--abi=none",
            "--python-version=3.11",
        ]
        command += ["--target", folder, "--report", f"{folder}/report.json", "-c", f"{folder}/constraints.txt"]
        subprocess.run([*command, *requirements], check=True)
        return json.loads(Path(folder, "report.json").read_text())["install"]


def write_core_lock(project: dict, whole: Path, lock: Path) -> None:
    """Write the core's lock: each package with the hash of its pure wheel only, whose name stands above it."""
    lines = [HEADER]
    for item in sorted(
        resolve_pure(project["dependencies"], pins(whole)), key=lambda item: item["metadata"]["name"].lower()
    ):
        name, version = item["metadata"]["name"].lower().replace("_", "-"), item["metadata"]["version"]
        wheel = item["download_info"]["url"].rsplit("/", 1)[-1]
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"# {wheel}\n{name}=={version} \\\n    --hash=sha256:{digest}\n")
    lock.write_text("".join(lines))


def main() -> None:
    """Renew all locks."""
    if sys.version_info[:2] != OLDEST:
        sys.exit(
            "yiping: locks are made on Python 3.11, the oldest supported, so that no dependency of it is missing: "
            "make clean && make lock PYTHON=python3.11"
        )
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="move to the newest versions that pyproject.toml allows")
    options = ("--upgrade",) if parser.parse_args().upgrade else ()
    os.chdir(ROOT)
    settings = tomllib.loads(Path("pyproject.toml").read_text())
    project, groups = settings["project"], settings["dependency-groups"]
    whole = Path("requirements.lock")
    compile_lock(Path("pyproject.toml"), whole, "--all-extras", *options)
    restore_markers(whole, project)
    write_core_lock(project, whole, Path("tools/core.lock"))
    compile_group(groups["tools"], Path("tools/tools.lock"), *options)
    compile_group(groups["stubs"], Path("tools/stubs.lock"), *options)


if __name__ == "__main__":
    main()
