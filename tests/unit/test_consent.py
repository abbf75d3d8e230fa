"""Consent to be named, and keys that are no keys: nothing of a citizen goes further than the citizen said."""

import asyncio

import pytest
from starlette.requests import Request

from host_agent import api_body, api_case
from host_agent.invite_subject import Service
from host_agent.refusal import Refusal
from host_agent.visits import Visit

NAME = "赵钱孙"
IDENTITY = {"user_name": NAME, "mobile": "13800138000"}


def sealed(_plain):
    return b"sealed"


def visit_after(served, *invited):
    """Return the visit that these bodies of SERVE and INVITE make."""
    visit = Visit.begun("007", api_body.served(dict(served), sealed), True, 0)
    for body in invited:
        visit = visit.joined("007", api_body.service(dict(body), sealed))
    return visit


@pytest.mark.parametrize(
    ("bodies", "named"),
    [
        (({},), False),
        (({"identity": IDENTITY},), False),
        (({"identity": IDENTITY, "real_name": None},), False),
        (({"identity": IDENTITY, "real_name": False},), False),
        (({"identity": IDENTITY, "real_name": True},), True),
        (({"identity": IDENTITY, "real_name": True}, {}), True),
        (({"identity": IDENTITY}, {"real_name": True}), True),
        # Taken back before the rating.
        (({"identity": IDENTITY, "real_name": True}, {"real_name": False}), False),
        # Another citizen came to the window without a ticket; their consent was not asked.
        (({"identity": IDENTITY, "real_name": True}, {"identity": IDENTITY | {"user_name": "李"}}), False),
        (({"identity": IDENTITY}, {"identity": IDENTITY, "real_name": True}), True),
    ],
)
def test_name_is_shown_only_by_the_consent_of_this_citizen(bodies, named):
    assert visit_after(*bodies).real_name is named


@pytest.mark.parametrize("value", [1, 0, "true", "是", [], {}])
def test_consent_that_is_no_truth_value_is_refused(value):
    with pytest.raises(Refusal, match="real_name must be true or false"):
        api_case.real_name({"real_name": value})


def test_service_without_a_word_has_no_consent():
    assert Visit.begun(None, Service(None, None, 0, 1, None), False, 0).real_name is False


@pytest.mark.parametrize("part", ["identity", "case"])
@pytest.mark.parametrize("key", [NAME, "13800138000", "330102199001011234", "a b", "", "a" * 41, "\ud800"])
def test_key_that_is_none_is_not_repeated(part, key):
    with pytest.raises(Refusal) as caught:
        api_body.service({part: {key: NAME}}, sealed)
    assert caught.value.message == f"{part}: a key that is none"
    assert NAME not in caught.value.cure


@pytest.mark.parametrize("part", ["identity", "case"])
def test_misspelt_key_is_named(part):
    with pytest.raises(Refusal, match=f"^{part}: unknown key 'userName'$"):
        api_body.service({part: {"userName": NAME}}, sealed)


@pytest.mark.parametrize("field", ["user_name", "user_prop", "certkey_gov", "mobile"])
@pytest.mark.parametrize("value", [NAME * 50, [NAME], {NAME: NAME}, 13800138000.5, True, NAME + "\n13800138000\ud800"])
def test_identity_that_does_not_fit_is_refused_by_its_key_alone(field, value):
    with pytest.raises(Refusal) as caught:
        api_body.service({"identity": {field: value}}, sealed)
    told = caught.value.message + caught.value.cure
    assert f"identity.{field} must be" in told and "赵" not in told and "1380" not in told


@pytest.mark.parametrize("value", [NAME, [NAME], 13800138000, True])
def test_identity_that_is_no_object_is_refused_without_it(value):
    with pytest.raises(Refusal) as caught:
        api_body.service({"identity": value}, sealed)
    told = caught.value.message + caught.value.cure
    assert caught.value.status == 400 and "赵" not in told and "1380" not in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_body_in_another_encoding_than_utf_8_is_refused(encoding):
    with pytest.raises(Refusal, match="the body is no JSON"):
        asyncio.run(api_body.read(posted(f'{{"identity": {{"user_name": "{NAME}"}}}}'.encode(encoding)), api_case.KEYS))


def test_body_in_utf_8_is_read_with_and_without_its_mark():
    for raw in (b'{"channel": "window"}', b'\xef\xbb\xbf{"channel": "window"}'):
        assert asyncio.run(api_body.read(posted(raw), api_case.KEYS)) == {"channel": "window"}


def posted(raw):
    async def receive():
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request({"type": "http", "headers": [(b"content-type", b"application/json")]}, receive)
