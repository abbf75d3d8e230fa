"""Private data attributes share names between classes that are no relatives, and the program means what it meant."""

import ast

from host_agent.bundle import attributes
from host_agent.bundle.compiler import folded
from host_agent.bundle.layout import FIRMWARE, PROTOCOL, sources


def shared(source: str, **others: str) -> str:
    """Return one module's source as it is compiled, beside others."""
    texts = {"one.py": source.encode(), **{f"{name}.py": text.encode() for name, text in others.items()}}
    return attributes.shared(texts)["one.py"].decode()


ONE = "class One:\n    def __init__(self):\n        self._first, self._second = 1, 2\n"


def test_classes_that_are_no_relatives_share_names_and_lines_stay() -> None:
    made = shared(ONE + "class Two:\n    def get(me):\n        return me._third, me.open\n")
    assert made.splitlines()[2] == "        self.a, self.b = 1, 2"
    assert made.splitlines()[5] == "        return me.a, me.open"


def test_relatives_in_other_files_share_no_name() -> None:
    child = "import one\nclass Two(one.One):\n    def get(self):\n        return self._third, self._first\n"
    made = attributes.shared({"one.py": ONE.encode(), "two.py": child.encode()})
    assert b"self.a, self.b" in made["one.py"] and b"self.c, self.a" in made["two.py"]


def test_attribute_that_is_reached_in_another_way_keeps_its_name() -> None:
    for other in (
        "def call(one):\n    return one._first\n",
        "name = '_first'\n",
        "class Three:\n    def _first(self):\n        pass\n",
        "_first = 3\n",
        "class Four:\n    def text(self):\n        return f'{self._first}'\n",
    ):
        assert "self._first, self.a" in shared(ONE, two=other), other


def test_letter_that_is_a_public_attribute_is_not_given() -> None:
    assert "self.b, self.c" in shared(ONE, two="def call(thing):\n    thing.a = 5\n")
    own = ONE + "    def more(self):\n        self.a = self.__dict__\n"
    assert "self.b, self.c" in shared(own)


MEANING = """
class Base:
    def __init__(self, value):
        self._value = value
        self._history = [value]
        self.a = "public"
    def _note(self, value):
        self._history.append(value)
class Child(Base):
    def __init__(self, value):
        super().__init__(value)
        self._extra = lambda: (self._value, self._count)
        self._count = 0
    def add(self, other):
        self._note(other._secret)
        self._count += 1
        return self._extra(), self._history, [self._value for _ in range(2)], self.a
class Other:
    def __init__(self, number):
        self._secret, self._rest = number, number * 2
    def rest(self):
        return self._rest
result = [Child(3).add(Other(5)), Other(6).rest()]
"""


def test_program_means_what_it_meant() -> None:
    made = shared(MEANING)
    before, after = {}, {}
    exec(MEANING, before)
    exec(made, after)
    assert before["result"] == after["result"]
    assert "_secret" in made and "_note" in made
    assert not {"_value", "_history", "_extra", "_count", "_rest"} & _attribute_names(made.encode())


def test_firmware_loses_a_good_hundred_names() -> None:
    files = sources(FIRMWARE, PROTOCOL, "k5")
    texts = {name: path.read_bytes() for name, path in files.items() if path.suffix == ".py"}
    made = folded(texts)
    names = {name for text in texts.values() for name in _attribute_names(text)}
    assert len(names - {name for text in made.values() for name in _attribute_names(text)}) > 100


def _attribute_names(text: bytes) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
