"""Requests that hold a citizen's identity and are wrong in some way: none of it may be kept, logged or told back."""

import json
from collections.abc import Iterator

import attrs

from tests.privacy.people import People

W = "/api/v1/windows/W01"
JSON = {"Content-Type": "application/json"}


@attrs.frozen
class Asked:
    """One request, by what is wrong with it."""

    what: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str] = JSON


def wrong_ones(people: People) -> Iterator[Asked]:
    """Yield every request."""
    yield from _wrong_identities(people)
    yield from _wrong_bodies(people)
    yield from _wrong_places(people)


def _wrong_identities(people: People) -> Iterator[Asked]:
    """Yield identities of another shape; each is sent with SERVE, an invite and a paper form."""
    shapes = {
        "a name alone": lambda one: one["user_name"],
        "a list": lambda one: list(one.values()),
        "lists within": lambda one: {key: [value] for key, value in one.items()},
        "objects within": lambda one: {key: {value: value} for key, value in one.items()},
        "values as keys": lambda one: {value: key for key, value in one.items()},
        "keys of another interface": lambda one: {"userName": one["user_name"], "certkeyGOV": one["certkey_gov"]},
        "a name that is too long": lambda one: one | {"user_name": one["user_name"] * 30},
        "a name with a control character": lambda one: one | {"user_name": one["user_name"] + "\x07"},
        "half a character": lambda one: one | {"user_name": one["user_name"] + "\ud800"},
        "a number that is too long": lambda one: one | {"certkey_gov": one["certkey_gov"] * 9},
        "a number with spaces": lambda one: one | {"certkey_gov": f"{one['certkey_gov']} X"},
        "a number as a number": lambda one: one | {"certkey_gov": int(one["certkey_gov"])},
        "a fraction": lambda one: one | {"mobile": int(one["mobile"]) + 0.5},
        "a telephone with a name": lambda one: one | {"mobile": one["mobile"] + one["user_name"]},
        "another kind of person": lambda one: one | {"user_prop": one["user_name"]},
    }
    for what, shape in shapes.items():
        for order, more in (("serve", {"ticket": "A001"}), ("invites", {}), ("paper-form", {})):
            body = {**more, "identity": shape(people.one(f"{order}, {what}"))}
            yield Asked(what, "POST", f"{W}/{order}", json.dumps(body).encode())


def _wrong_bodies(people: People) -> Iterator[Asked]:
    """Yield bodies that are no JSON object, or declared as something else."""

    def whole(what: str) -> bytes:
        return json.dumps({"identity": people.one(what)}, ensure_ascii=False).encode()

    text = {
        "cut short": lambda raw: raw[:-3],
        "something behind": lambda raw: raw + raw,
        "as a JSON text": lambda raw: json.dumps(raw.decode()).encode(),
        "in a list": lambda raw: b"[" + raw + b"]",
        "in UTF-16": lambda raw: raw.decode().encode("utf-16"),
        "in GB 18030": lambda raw: raw.decode().encode("gb18030"),
        "too large": lambda raw: raw[:-1] + b', "more": "' + b"x" * 70_000 + b'"}',
        "too deep": lambda raw: b'{"identity":' + b"[" * 5000 + raw + b"]" * 5000 + b"}",
    }
    for what, change in text.items():
        yield Asked(what, "POST", f"{W}/invites", change(whole(what)))
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=gb2312"):
        headers = {"Content-Type": kind} if kind else {}
        yield Asked(f"declared as {kind}", "POST", f"{W}/login", whole(f"body as {kind}"), headers)
        yield Asked(f"declared as {kind}", "PUT", f"{W}/invites", whole(f"body as {kind}"), headers)
    yield Asked("declared as text", "POST", f"{W}/invites", whole("declared as text"), {"Content-Type": "text/plain"})


def _wrong_places(people: People) -> Iterator[Asked]:
    """Yield identities where none belongs."""
    for order, more in (
        ("login", {"number": "007"}),
        ("logout", {}),
        ("pause", {"paused": False}),
        ("notice", {"text": "x"}),
        ("serve", {"ticket": "x" * 50}),
        ("invites", {"timeout_s": 1}),
        ("invites", {"channel": "phone"}),
        ("invites", {"real_name": "yes"}),
        ("invites", {"case": {"task_code": "1"}}),
        ("invites", {"unknown": 1}),
    ):
        body = {**more, "identity": people.one(f"{order} with {more}")}
        yield Asked(f"{order} with {more}", "POST", f"{W}/{order}", json.dumps(body).encode())
    one = people.one("the values themselves")
    yield Asked("values as keys", "POST", f"{W}/invites", json.dumps(dict.fromkeys(one.values(), 1)).encode())
    yield Asked("values flat", "POST", f"{W}/invites", json.dumps(one).encode())
    for key in ("project_no", "service_no", "timeout_s", "origin", "id", "channel", "real_name"):
        wrong = people.one(f"as {key}")["user_name"] + "\n "
        yield Asked(f"as {key}", "POST", f"{W}/invites", json.dumps({key: wrong}).encode())
    case = {key: people.one(f"case.{key}")["certkey_gov"] + "\x00" for key in ("task_name", "accept_date", "dept_code")}
    yield Asked("in the case", "POST", f"{W}/invites", json.dumps({"case": case}).encode())
    nowhere = json.dumps({"identity": people.one("another window")}).encode()
    yield Asked("another window", "POST", "/api/v1/windows/W99/invites", nowhere)
    query = people.one("a query")
    yield Asked("a query", "GET", f"{W}?certkey={query['certkey_gov']}&mobile={query['mobile']}", b"", {})
    headers = {"X-Citizen": people.one("a header")["certkey_gov"], "Cookie": people.one("a cookie")["mobile"]}
    yield Asked("headers", "GET", W, b"", headers)
    yield Asked("a token", "GET", W, b"", {"Authorization": f"Bearer {people.one('a token')['certkey_gov']}"})
    yield from _dialect(people)


def _dialect(people: People) -> Iterator[Asked]:
    """Yield calls of a GWQ page that are none."""
    for what in ("title", "titleName", "userName", "timeout", "caseNo"):
        body = {"timeout": 5, what: [people.one(f"gwq {what}")]}
        yield Asked(f"gwq {what}", "POST", "/dialects/gwq/W01", json.dumps(body).encode())
    raw = json.dumps(people.one("gwq cut short"), ensure_ascii=False).encode()[:-1]
    yield Asked("gwq cut short", "POST", "/dialects/gwq/W01", raw)
