"""The installed agent runs where no binary wheel exists (Loongson, Kylin, UOS): its core is pure Python."""

import re
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.lint.sources import ROOT
from tests.lint.test_locks import MACHINES, closure, environment, project, read_lock

CORE = "tools/core.lock"  # resolved for a platform that no binary wheel fits, by `make lock`
WHEEL_LINE = re.compile(r"^# (\S+\.whl)\n([A-Za-z0-9_.-]+)==", re.M)
COMPILED_HERE = {"websockets"}  # has a pure wheel beside compiled ones, and pip prefers the compiled one where it fits


def core() -> dict[str, Requirement]:
    """Return what the core pulls in, transitively."""
    return closure(project()["dependencies"], environment("3.11", MACHINES[0]))


def wheels() -> dict[str, str]:
    """Return the pure wheel's file name of each package in the core's lock."""
    return {canonicalize_name(package): wheel for wheel, package in WHEEL_LINE.findall((ROOT / CORE).read_text())}


def test_core_lock_holds_exactly_what_the_core_pulls_in():
    assert set(read_lock(CORE)) == set(core())


def test_every_core_package_has_a_wheel_that_fits_every_machine():
    for package in core():
        assert package in wheels(), f"{package} has no pure wheel"
        parsed, version, _, tags = parse_wheel_filename(wheels()[package])
        assert {("none", "any")} == {(tag.abi, tag.platform) for tag in tags}, wheels()[package]
        assert "py3" in {tag.interpreter for tag in tags}
        assert (parsed, str(version)) == (package, read_lock(CORE)[package].version)


def test_pure_wheels_are_the_ones_that_the_whole_lock_allows():
    whole = read_lock("requirements.lock")
    for package, pinned in read_lock(CORE).items():
        assert len(pinned.hashes) == 1 and pinned.hashes <= whole[package].hashes, package


def test_what_is_installed_here_is_pure_where_pip_had_no_choice():
    for package in set(core()) - COMPILED_HERE:
        wheel = metadata.distribution(package).read_text("WHEEL") or ""
        assert "Root-Is-Purelib: true" in wheel and "-none-any" in wheel, f"{package} is compiled:\n{wheel}"
