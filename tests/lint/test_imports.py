"""Who may import whom: the table of the architecture, walked on every file."""

import ast
from pathlib import Path

from tests.lint.sources import ROOT, code_files, imports, name, our_files

# Areas of the firmware are top-level packages on the device.
FIRMWARE_AREAS = ("boards", "drivers", "app", "ui", "store", "link", "update", "self_test")
PACKAGES = ("protocol", "host_agent", "simulator", "firmware", "tests", "tools")
BOOTSTRAP = ("boot", "main", "slots", "libraries", "mending")
OURS = {*PACKAGES, *FIRMWARE_AREAS, *BOOTSTRAP, "assembly", "bench", "entry", "port"}

# area → the areas that it may import beside itself
MAY_IMPORT = {
    "protocol": set(),
    "drivers": set(),
    "boards": {"drivers"},
    "app": {"protocol"},
    "ui": {"app"},
    "store": {"protocol"},
    "link": {"protocol", "store", "self_test", "update"},
    "self_test": {"protocol", "app", "drivers", "boards", "ui", "update"},
    "update": {"app", "protocol", "slots"},
    "assembly": {"protocol", *FIRMWARE_AREAS},
    "bench": {"protocol", "boards", "drivers", "store"},
    "entry": {"protocol", "assembly", *FIRMWARE_AREAS},
    "port": {"boards", "store"},
    # The bootstrap stays when a firmware is replaced: two calls are all that it knows of one.
    "boot": {"slots"},
    "slots": {"libraries", "mending", "port"},
    "libraries": set(),
    "mending": set(),
    "main": {"entry"},
    "host_agent": {"protocol"},
    "simulator": {"protocol", "firmware.boards", "host_agent.bundle"},
    "tools": {"host_agent.bundle"},
}
# What makes protocol/ impure, or what MicroPython lacks. The one reader of a file there is for hosts only.
NOT_IN_PROTOCOL = {
    "asyncio", "logging", "time", "datetime", "os", "io", "pathlib", "socket", "select", "threading", "machine",
    "random", "secrets", "typing", "dataclasses", "enum", "functools", "hmac",
}  # fmt: skip
READS_ITS_TABLE = {"protocol/indicators.py": {"pathlib"}}
NOT_ON_THE_DEVICE = {"typing", "dataclasses", "enum", "functools", "logging", "hmac", "pathlib", "threading", "_thread"}
TOUCHES_MACHINE = {"drivers", "boards", "boot", "slots", "main"}  # the bootstrap cannot rely on the drivers of a slot
# Pure parts of the firmware: events or bytes in, effects or bytes out.
SANS_IO = {"app"}
NOT_IN_SANS_IO = {"asyncio", "time", "machine", "rp2", "select", "os", "io", "vfs"}


def area(path: Path) -> str:
    """Return the area that a file belongs to: package, firmware area, or main and boot by their own names."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != "firmware":
        return parts[0]
    return parts[1].removesuffix(".py")


def is_allowed(own: str, target: str) -> bool:
    """Return True when a file of area `own` may import the dotted name `target` of ours."""
    top = target.split(".")[0]
    if top == own or top in MAY_IMPORT[own]:
        return True
    return any(target == allowed or target.startswith(allowed + ".") for allowed in MAY_IMPORT[own])


def found(check) -> list[str]:
    """Return one line for each import of our code that the check names as wrong."""
    return [
        f"{name(path)}:{line} imports {target}"
        for path in code_files()
        for line, target in imports(path)
        if check(path, target)
    ]


def test_table_tells_allowed_from_forbidden():
    assert is_allowed("simulator", "firmware.boards.k5") and is_allowed("app", "protocol.rating")
    assert not is_allowed("simulator", "firmware.app.session") and not is_allowed("simulator", "host_agent.cli")
    assert is_allowed("simulator", "host_agent.bundle.make") and not is_allowed("simulator", "host_agent.errors")
    assert not is_allowed("slots", "store.settings") and not is_allowed("main", "assembly")
    assert not is_allowed("app", "drivers.keys") and not is_allowed("drivers", "boards.k5")


def test_every_file_belongs_to_an_area_of_the_table():
    strangers = {area(path) for path in code_files()} - set(MAY_IMPORT) - {"hardware"}
    assert not strangers, f"say in MAY_IMPORT what {sorted(strangers)} may import"


def test_imports_between_our_parts_follow_the_table():
    def wrong(path: Path, target: str) -> bool:
        # The shims run on the device side of the bus, in place of MicroPython's own modules.
        if target.split(".")[0] not in OURS or name(path).startswith("simulator/shims/"):
            return False
        return not is_allowed(area(path), target)

    assert found(wrong) == []


def test_protocol_imports_no_clock_no_io_and_nothing_micropython_lacks():
    def wrong(path: Path, target: str) -> bool:
        top = target.split(".")[0]
        return area(path) == "protocol" and top in NOT_IN_PROTOCOL - READS_ITS_TABLE.get(name(path), set())

    assert found(wrong) == []


def test_firmware_imports_nothing_micropython_lacks():
    assert found(lambda path, target: in_firmware(path) and target.split(".")[0] in NOT_ON_THE_DEVICE) == []


def test_machine_is_touched_by_drivers_and_boards_only():
    def wrong(path: Path, target: str) -> bool:
        return in_firmware(path) and target.split(".")[0] in ("machine", "rp2") and not may_touch_machine(path)

    assert found(wrong) == []


def test_state_machines_know_no_clock_and_no_io():
    assert found(lambda path, target: area(path) in SANS_IO and target.split(".")[0] in NOT_IN_SANS_IO) == []


def test_simulator_and_host_agent_do_not_know_each_other_but_for_what_is_flashed():
    strangers = {"simulator": "host_agent", "host_agent": "simulator"}

    def wrong(path: Path, target: str) -> bool:
        return strangers.get(area(path)) == target.split(".")[0] and not target.startswith("host_agent.bundle.")

    assert found(wrong) == []


def test_bundle_imports_nothing_of_the_agent_but_its_errors_and_the_check_of_glyphs():
    def wrong(path: Path, target: str) -> bool:
        allowed = ("host_agent.bundle.", "host_agent.errors.", "host_agent.content.glyph_check.check_packs")
        return (
            name(path).startswith("host_agent/bundle/")
            and target.startswith("host_agent.")
            and not target.startswith(allowed)
        )

    assert found(wrong) == []


def test_no_import_is_computed_outside_the_command_table():
    # host_agent/cli.py loads its sub-commands by name; boards.load finds a board by its name in the settings.
    allowed = {"host_agent/cli.py", "firmware/boards/__init__.py"}
    assert found(lambda path, target: target == "<computed>" and name(path) not in allowed) == []


def test_relative_imports_are_not_used():
    relative = [
        f"{name(path)}:{node.lineno}"
        for path in our_files(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def in_firmware(path: Path) -> bool:
    """Return True for a file of the firmware."""
    return path.relative_to(ROOT).parts[0] == "firmware"


def may_touch_machine(path: Path) -> bool:
    """Return True where the chip's registers may be named."""
    return area(path) in TOUCHES_MACHINE
