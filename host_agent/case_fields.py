"""Names the national fields of a case and of a citizen's identity, and the rule of each; agent and receiver share it.

A value that breaks its rule is refused, never mended: the city would refuse it later, or credit it to something else.
"""

import re
from collections.abc import Mapping
from datetime import datetime

import attrs

_TEXT = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
PROJECT_NO = "project_no"


@attrs.frozen
class Rule:
    """What a value looks like: the pattern of the whole text, and the sentence that says so."""

    pattern: re.Pattern[str]
    sentence: str
    times: tuple[str, ...] = ()

    def holds(self, value: object) -> bool:
        """Say whether a value keeps the rule."""
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            return False
        return not self.times or _moment(value) is not None


def _text(limit: int) -> Rule:
    return Rule(re.compile(f"{_TEXT}{{1,{limit}}}"), f"text of at most {limit} characters on one line")


def _code(length: int) -> Rule:
    return Rule(re.compile(f"[0-9A-Za-z]{{{length}}}"), f"{length} letters and digits")


def _choice(first: str, last: str) -> Rule:
    return Rule(re.compile(f"[{first}-{last}]"), f"one digit from {first} to {last}")


_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"

# Lengths from the national upload interface.
CASE = {
    "area_code": Rule(re.compile("[0-9]{6,12}"), "6 to 12 digits"),
    "area_name": _text(100),
    "dept_code": _code(18),
    "task_code": _code(31),
    "task_handle_item": _code(33),
    "task_name": _text(200),
    "sub_matter": _text(200),
    PROJECT_NO: Rule(re.compile(r"[^/\s\x00-\x1f\ud800-\udfff]{1,50}"), "1 to 50 characters without space or slash"),
    "pro_status": Rule(re.compile("[1-3]"), '"1" to be accepted, "2" under way or "3" done'),
    "pro_depart_code": _code(18),
    "pro_depart": _text(100),
    "promise_time": Rule(re.compile("[129]"), '"1" promised, "2" done at once or "9" other'),
    "accept_date": Rule(
        re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{_MOMENT}"),
        "a day, 2026-11-24, or a moment, 2026-11-24 09:30:00",
        (_DAY, _SECOND),
    ),
    "service_name": _text(50),
    "service_time": Rule(re.compile(_MOMENT), "a moment, 2026-11-24 09:30:00", (_SECOND,)),
}
IDENTITY = {
    "user_name": _text(60),
    "user_prop": _choice("1", "9"),
    "certkey_gov": Rule(re.compile("[!-~]{1,80}"), "1 to 80 visible ASCII characters"),
    "mobile": Rule(re.compile(r"\+?[0-9][0-9-]{2,18}"), "a telephone number"),
}


@attrs.frozen
class Wrong:
    """Name the field that breaks a rule, and the rule; `sentence` is None where there is no such field."""

    field: str
    sentence: str | None


def wrong(values: Mapping[str, object], rules: Mapping[str, Rule]) -> Wrong | None:
    """Return the first value that breaks its rule, or a name that has none."""
    for name, value in values.items():
        rule = rules.get(name)
        if rule is None:
            return Wrong(name, None)
        if not rule.holds(value):
            return Wrong(name, rule.sentence)
    return None


def wrong_case(values: Mapping[str, object]) -> Wrong | None:
    """Return what is wrong with a case: a value, or values that contradict each other."""
    found = wrong(values, CASE)
    if found is not None:
        return found
    item, task = values.get("task_handle_item"), values.get("task_code")
    if isinstance(item, str) and isinstance(task, str) and item[:31] != task:
        return Wrong("task_handle_item", "33 characters of which the first 31 are task_code")
    accepted, served = _moment(values.get("accept_date")), _moment(values.get("service_time"))
    if accepted is not None and served is not None and accepted > served:
        return Wrong("service_time", "not before accept_date")
    return None


def _moment(value: object) -> datetime | None:
    for form in (_DAY, _SECOND):
        try:
            return datetime.strptime(str(value), form)
        except ValueError:
            continue
    return None
