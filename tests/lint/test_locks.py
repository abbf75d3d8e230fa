"""The locks: hashed, without addresses, complete for every supported machine, and in step with pyproject.toml."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lint.sources import ROOT, name

LOCKS = ("requirements.lock", "tools/core.lock", "tools/tools.lock", "tools/stubs.lock")
PIN = re.compile(
    r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)(?: ; (.+?))? \\\n((?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M
)
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links|--trusted-host|-i |@ |localhost|\.(org|com|cn|net)\b")
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = (("linux", "Linux", "x86_64"), ("darwin", "Darwin", "arm64"))
ALL_EXTRAS = ("", "city", "provision", "sim", "dev")


class Pinned:
    """One package of a lock."""

    def __init__(self, version: str, marker: str | None, hashes: str) -> None:
        self.version = version
        self.marker = Marker(marker) if marker else None
        self.hashes = set(re.findall(r"[0-9a-f]{64}", hashes))


def read_lock(lock: str) -> dict[str, Pinned]:
    """Return the packages of a lock by canonical name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {canonicalize_name(name): Pinned(*rest) for name, *rest in PIN.findall(text)}


def project() -> dict:
    """Return the [project] table."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment(python: str, machine: tuple[str, str, str]) -> dict[str, str]:
    """Return the marker variables of one supported machine."""
    platform, system, cpu = machine
    values = dict(default_environment())
    values |= {"python_version": python, "python_full_version": python + ".9", "os_name": "posix"}
    return values | {"sys_platform": platform, "platform_system": system, "platform_machine": cpu}


def closure(requirements: list[str], where: dict[str, str]) -> dict[str, Requirement]:
    """Return everything the requirements pull in on that machine, from the metadata of what is installed here."""
    found: dict[str, Requirement] = {}
    todo = [(Requirement(text), "") for text in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate(where | {"extra": extra}):
            continue
        key = canonicalize_name(requirement.name)
        if key in found and not requirement.extras:
            continue
        found[key] = requirement
        for text in requires(key):
            todo += [(Requirement(text), wanted) for wanted in ("", *requirement.extras)]
    return found


def requires(distribution: str) -> list[str]:
    """Return the requirements of an installed distribution, none for one that this machine does not carry."""
    try:
        return metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_and_hashes_every_line_and_names_no_address(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    rest = PIN.sub("", text)
    odd = [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert read_lock(lock) and not odd, odd
    assert [line for line in text.splitlines() if ADDRESS.search(line)] == []


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine[0])
def test_lock_is_complete_on_every_supported_machine(python, machine):
    where = environment(python, machine)
    lock, wanted = read_lock("requirements.lock"), project()
    requirements = [*wanted["dependencies"], *sum(wanted["optional-dependencies"].values(), [])]
    for package, requirement in closure(requirements, where).items():
        assert package in lock, f"{requirement} is not in the lock: make lock"
        pinned = lock[package]
        assert requirement.specifier.contains(pinned.version, prereleases=True), (
            f"{requirement}: {pinned.version} is locked"
        )
        assert pinned.marker is None or pinned.marker.evaluate(where)


def test_lock_holds_nothing_that_nobody_asks_for():
    wanted = project()
    requirements = [*wanted["dependencies"], *sum(wanted["optional-dependencies"].values(), [])]
    needed = set(closure(requirements, environment("3.11", MACHINES[0])))
    assert set(read_lock("requirements.lock")) - needed == set()


def test_installed_packages_are_the_locked_ones():
    lock = read_lock("requirements.lock")
    others = {}
    for package, pinned in lock.items():
        if pinned.marker is None or pinned.marker.evaluate():
            installed = metadata.version(package)
            if installed != pinned.version:
                others[package] = f"{installed} installed, {pinned.version} locked"
    assert others == {}, "make venv"


def test_locks_agree_with_each_other():
    whole = read_lock("requirements.lock")
    for package, pinned in read_lock("tools/core.lock").items():
        assert whole[package].version == pinned.version, f"{package}: make lock"


def test_lock_names_are_files_of_the_project():
    assert [lock for lock in LOCKS if not (ROOT / lock).is_file()] == []
    assert sorted(name(path) for path in ROOT.glob("*.lock") if not path.name.startswith(".")) == ["requirements.lock"]
