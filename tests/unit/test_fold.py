"""Constants leave the firmware, and nothing else does."""

import subprocess
from pathlib import Path

from host_agent.bundle import compiler, definitions, fold
from host_agent.bundle.layout import FIRMWARE, PROTOCOL, sources
from simulator.process import interpreter

NUMBERS = b"FULL = 13\n_TWICE = 2 * FULL  # why\nLARGE = 1 << 30\nTEXT = 'short'\nLONG = 'longer than that'\n"


def folded(**modules: str | bytes) -> dict[str, str]:
    """Return the folded sources of modules given by name."""
    given = {name: text if isinstance(text, bytes) else text.encode() for name, text in modules.items()}
    firmware = fold.Firmware(given, "shared")
    return {name: firmware.folded(name).decode() for name in firmware.modules}


def values(space: str, **modules: str | bytes) -> dict[str, object]:
    """Run the folded module `space`, which imports nothing, and return what it defines."""
    found: dict[str, object] = {}
    exec(folded(**modules)[space], found)  # noqa: S102 - the sources are this file's
    return found


def test_constant_of_another_module_is_replaced_and_its_definition_and_import_go():
    made = folded(numbers=NUMBERS, user="import os\nfrom numbers import FULL\nprint(FULL + 1, os)\n")
    assert made["user"].splitlines() == ["import os", "", "print((13) + 1, os)"]
    assert made["numbers"].splitlines() == ["", "  # why", "LARGE = 1 << 30", "", "LONG = 'longer than that'"]


def test_attribute_of_a_module_is_replaced_through_packages_and_other_modules():
    made = folded(
        **{
            "pack": "",
            "pack.numbers": NUMBERS,
            "pack.user": "from pack import numbers as n\ndef call():\n    return n._TWICE\n",
            "main": "from pack import user\nprint(user.n.FULL, user.call())\n",
        }
    )
    assert made["main"] == "from pack import user\nprint((13), user.call())\n"
    assert made["pack.user"] == "\ndef call():\n    return (26)\n"


def test_large_numbers_long_texts_and_what_changes_stay():
    source = "COUNT = 0\ndef more():\n    global COUNT\n    COUNT += 1\nTWICE = 1\nTWICE = 2\nTABLE = (1, 2)\n"
    made = folded(numbers=NUMBERS, state=source, user="import numbers\nprint(numbers.LARGE, numbers.LONG)\n")
    assert made["state"] == source
    assert made["user"] == "import numbers\nprint(numbers.LARGE, numbers.LONG)\n"


def test_parameter_of_the_same_name_is_no_constant():
    source = "SIZE = 3\ndef call(SIZE):\n    return SIZE\n"
    assert folded(one=source)["one"] == source


def test_f_string_takes_the_value_and_keeps_its_meaning():
    source = "SIZE = 3\ndef text(x):\n    return f\"{x['a']} {{}} {SIZE} {SIZE + x['b']:02d} {SIZE!r}\"\n"
    text = values("one", one=source)["text"]
    assert callable(text) and text({"a": 1, "b": 4}) == "1 {} 3 07 3"
    assert "SIZE" not in folded(one=source)["one"]


def test_f_string_of_several_lines_keeps_the_constant():
    source = 'SIZE = 3\ndef text():\n    return (f"{SIZE}"\n        f" and {SIZE}")\n'
    assert folded(one=source)["one"] == source


def test_lines_keep_their_numbers():
    source = "from numbers import (\n    FULL,\n    call,\n)\nLIST = 1\n\nWIDE = (\n    7\n)\n"
    source += "print(\n    FULL,\n    WIDE)\nmark\n"
    made = folded(numbers=NUMBERS + b"def call():\n    pass\n", one=source)["one"]
    assert len(made.splitlines()) == len(source.splitlines())
    assert made.splitlines()[-1] == "mark" and "from numbers import call" in made


def test_module_used_as_a_value_or_by_star_or_by_its_whole_name_keeps_its_constants():
    for use in (
        "import numbers\nprint(dir(numbers))\n",
        "from numbers import *\n",
        "def f():\n    from numbers import FULL\n",
    ):
        assert "FULL = 13" in folded(numbers=NUMBERS, user=use)["numbers"]
    made = folded(**{"pack.numbers": NUMBERS, "user": "import pack.numbers\nprint(pack.numbers.FULL)\n"})
    assert "FULL = 13" in made["pack.numbers"]


def test_shared_modules_that_nothing_loads_are_left_out():
    made = folded(**{"shared": "", "shared.used": "X = 1\n", "shared.host": "", "main": "from shared import used\n"})
    assert sorted(made) == ["main", "shared", "shared.used"]


def test_whole_firmware_is_folded_line_for_line_and_means_the_same():
    texts = {
        name: path.read_bytes() for name, path in sources(FIRMWARE, PROTOCOL, "k5").items() if path.suffix == ".py"
    }
    made = compiler.folded(texts)
    assert "protocol/reason_texts.py" not in made and "protocol/codes.py" in made
    for name, text in made.items():
        assert len(text.splitlines()) >= len(texts[name].splitlines()) - 1, name
        compile(text, name, "exec")
    codes = made["protocol/codes.py"]
    assert b"OUTCOMES = ((1), (2), (3), (4), (5))" in codes and b"\nRATED" not in codes
    assert made["protocol/reasons.py"].strip().count(b" = ") == 0


def test_folded_file_runs_on_the_interpreter(tmp_path: Path) -> None:
    source = b"_A, _B = 3, -4\nTEXT = 'ab'\nprint(_A * _B, TEXT + 'c', f'{_A}{_B}', [_B][0])\n"
    path = compiler.compile_source(compiler.folded({"one.py": source})["one.py"], "one.py", tmp_path, Path("one.py"))
    path.rename(tmp_path / "one.mpy")
    command = [*interpreter(), "-c", "import one"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "-12 abc 3-4 -4\n", done.stderr


def test_line_numbers_are_compiled_only_when_asked_for(tmp_path: Path, monkeypatch) -> None:
    source = b"def call():\n    raise ValueError\n\n\n\ncall()\n"
    command = [*interpreter(), "-c", "import one"]
    for asked, line in (("", "line 1"), ("1", "line 2")):
        monkeypatch.setenv("YIPING_LINE_NUMBERS", asked)
        compiler.compile_source(source, "one.py", tmp_path, Path("one.py")).rename(tmp_path / "one.mpy")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert f'File "one", {line}, in call' in done.stderr + done.stdout


def test_name_that_hides_an_imported_one_is_not_followed():
    numbers = b"FULL = 13\nLARGE = 1 << 30\n"
    for use in (
        "from numbers import FULL\ndef call(FULL):\n    return FULL\n",
        "import numbers\ndef call(numbers):\n    return numbers.FULL\nprint(numbers.FULL)\n",
        "import numbers\ndef call():\n    for numbers in []:\n        print(numbers.FULL)\n",
        "import numbers\ntry:\n    call()\nexcept ValueError as numbers:\n    print(numbers.FULL)\n",
        "import numbers\nimport other as numbers\nprint(numbers.FULL)\n",
    ):
        made = folded(numbers=numbers, other=b"FULL = 14\n", user=use)
        assert made["user"] == use
        assert made["numbers"] == numbers.decode()
        assert made["other"] == "FULL = 14\n" or "other" not in use


def test_constant_that_another_module_sets_stays():
    use = "import numbers\nnumbers.FULL = 14\nprint(numbers.FULL)\n"
    made = folded(numbers=b"FULL = 13\n", user=use)
    assert made == {"numbers": "FULL = 13\n", "user": use}


def test_constant_handed_on_by_another_module_is_found_or_stays():
    numbers, between = b"FULL = 13\nLONG = 'longer than that'\n", "from numbers import FULL, LONG\n"
    made = folded(numbers=numbers, between=between, user="from between import FULL, LONG\nprint(FULL, LONG)\n")
    assert made["numbers"] == "\nLONG = 'longer than that'\n"
    assert made["between"] == "from numbers import LONG\n"
    assert made["user"] == "from between import LONG\nprint((13), LONG)\n"
    use = "import between\nprint(between.LONG, between.FULL)\n"
    made = folded(numbers=numbers, between=between, user=use)
    assert made["between"] == "from numbers import LONG\n"
    assert made["user"] == "import between\nprint(between.LONG, (13))\n"


def test_module_inside_an_f_string_keeps_its_constants():
    use = "import numbers\nprint(f'{dir(numbers)}')\n"
    assert folded(numbers=b"FULL = 13\n", user=use) == {"numbers": "FULL = 13\n", "user": use}


def test_starred_values_are_not_paired_with_names():
    source = "A, B, C = *other, 4\nprint(A, B, C)\n"
    assert folded(one=source)["one"] == source


def test_def_class_and_except_of_the_same_name_are_no_constants():
    for other in ("def SIZE():\n    pass\n", "class SIZE:\n    pass\n", "from machine import SIZE\n"):
        source = f"SIZE = 3\n{other}print(SIZE)\n"
        assert folded(one=source)["one"] == source


def test_expression_without_a_value_stays():
    source = "A = 1 // 0\nB = 1 << -1\nprint(A, B)\n"
    assert folded(one=source)["one"] == source


def test_changed_part_of_the_build_makes_no_use_of_older_files():
    for part in (compiler, definitions, fold):
        assert Path(part.__file__) in compiler.OWN_FILES
