"""Arguments get short names, and the program means what it meant."""

import ast

import pytest

from host_agent.bundle import arguments
from host_agent.bundle.compiler import folded
from host_agent.bundle.layout import FIRMWARE, PROTOCOL, sources


def shortened(source: str, **others: str) -> str:
    """Return one module's source as it is compiled, beside others."""
    texts = {"one.py": source.encode(), **{f"{name}.py": text.encode() for name, text in others.items()}}
    return arguments.shortened(texts)["one.py"].decode()


def test_arguments_are_letters_in_head_and_body_and_lines_stay() -> None:
    source = "def call(first, second: int = 2, *rest) -> int:\n    first += second\n    return first, rest\n"
    assert shortened(source) == "def call(a, b: int = 2, *rest) -> int:\n    a += b\n    return a, rest\n"


def test_argument_that_any_call_names_keeps_its_name() -> None:
    source = "def call(first, second):\n    return first - second\n"
    assert shortened(source, two="from one import call\ncall(1, second=2)\n") == (
        "def call(a, second):\n    return a - second\n"
    )


def test_argument_that_a_text_names_keeps_its_name_for_calls_with_two_stars() -> None:
    source = "def call(first, second):\n    return first - second\ncall(1, **{'second': 2})\n"
    assert "def call(a, second)" in shortened(source)


KEPT = {
    "f-string": "def call(first, second):\n    return f'{first}' + second\n",
    "comprehension": "def call(first, second):\n    return [first for first in (7, 8)] + [second]\n",
    "except": "def call(first, second):\n    try:\n        1 / 0\n    except ValueError as first:\n        pass\n",
    "import": "def call(first, second):\n    import os as first\n    return first\n",
    "class": "def call(first, second):\n    class Inner:\n        value = first\n    return Inner.value + second\n",
    "inner argument": "def call(first, second):\n    return (lambda first: first + 1)(second)\n",
    "inner binding": "def call(first, second):\n    def inner():\n        first = 5\n        return first\n",
    "nonlocal": "def call(first, second):\n    def inner():\n        nonlocal first\n        first = 2\n    inner()\n",
}


@pytest.mark.parametrize("source", KEPT.values(), ids=KEPT)
def test_argument_that_is_not_followed_for_sure_keeps_its_name(source: str) -> None:
    head = shortened(source).splitlines()[0]
    assert head.startswith("def call(first, "), head


MEANING = """
top = 100
def outer(first, second=top, *, third=3):
    a = first * 2
    def inner(fourth, fifth=second):
        return [first, second, fourth, fifth, a, [first + item for item in (1, 2)]]
    twice = lambda sixth, seventh=first: (sixth, seventh, second, top)
    return inner(5), inner(6, 7), twice(8), third, {"first": first}
class Thing:
    first = 9
    def __init__(self, first, second):
        self.first, self.second = first, second
    def method(self, other, b=4):
        second = other + b
        return self.first, self.second, second, Thing.first, type(self).__name__
result = [outer(1), outer(1, 2), Thing(1, 2).method(3), Thing(1, 2).method(3, 5)]
"""


def test_program_means_what_it_meant() -> None:
    made = shortened(MEANING)
    before, after = {}, {}
    exec(MEANING, before)
    exec(made, after)
    assert before["result"] == after["result"]
    assert "fourth" not in [node.arg for node in ast.walk(ast.parse(made)) if isinstance(node, ast.arg)]


def test_firmware_loses_a_good_hundred_names_and_no_letter_hides_another() -> None:
    files = sources(FIRMWARE, PROTOCOL, "k5")
    texts = {name: path.read_bytes() for name, path in files.items() if path.suffix == ".py"}
    names = {name for text in texts.values() for name in _argument_names(text)}
    left = {name for text in folded(texts).values() for name in _argument_names(text)}
    assert len(names - left) > 100
    for name, text in folded(texts).items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                own = [argument.arg for argument in node.args.args]
                assert len(own) == len(set(own)), name


def _argument_names(text: bytes) -> set[str]:
    return {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}
