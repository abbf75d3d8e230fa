"""Messages of the RateService dialect (WebSocket, JSON, port 3348), for both of its ends. Pure.

    {"method":m,"param":{…}} ⇄ {"request":m,"code":"0","result":…}
Login{winNum,userCode} · RateQuest{rateId,transactor,item,date,reserveSeq} · RateOperate{operate} · HeartBeat
RateSubmit{rateId,attitude,quality,efficiency,honest}, each 1 to 5
`transactor` may be a citizen's name and is dropped here; `date` is the other side's and is no time of anything here.
"""

import json
from hashlib import sha256
from typing import Any

import attrs

from host_agent.case_fields import CASE

OK, UNKNOWN, NO_LOGIN, NOT_ALLOWED, WRONG_USER, FAILED = "0", "999", "1000", "1001", "1002", "1003"
LOGIN, QUEST, OPERATE, SUBMIT, HEARTBEAT = "Login", "RateQuest", "RateOperate", "RateSubmit", "HeartBeat"
PAUSE, RESUME, RESET = "Pause", "Resume", "Reset"
OPERATIONS = (PAUSE, RESUME, RESET)
ASPECTS = ("attitude", "quality", "efficiency", "honest")
MESSAGE_LIMIT_BYTES = 65_536
_MAX_CHARACTERS = 64
_REFUSALS = {
    "no_clerk": NO_LOGIN,
    "paused": NOT_ALLOWED,
    "invite_open": NOT_ALLOWED,
    "rated": NOT_ALLOWED,
}


class MalformedMessage(Exception):
    """Say that a message, or a parameter of it, is none of this dialect; `method` is what it called itself."""

    def __init__(self, what: str, method: str = "") -> None:
        """Keep both."""
        super().__init__(what)
        self.method = method


@attrs.frozen
class Request:
    """Hold a call of the other side."""

    method: str
    param: dict[str, Any]


@attrs.frozen
class Reply:
    """Hold the answer to a call of ours."""

    request: str
    code: str
    result: Any


@attrs.frozen
class Quest:
    """Ask for one rating; `rate_id` is the other side's own, in the JSON type that it has there.

    `item` is free text in this dialect: it names the matter to the city where the national field can hold it.
    """

    rate_id: str | int
    key: str
    item: str | None = None

    def body(self, attempt: int) -> dict[str, Any]:
        """Return it as the API's body of an invite, with an id of its own for each attempt to have it rated."""
        case = {} if self.item is None else {"case": {"task_name": self.item}}
        return {"id": f"{self.key}-{attempt}", **case}


def parse(text: str | bytes) -> Request | Reply:
    """Return the message in a text.

    :raises MalformedMessage: it is neither call nor answer.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedMessage("no JSON") from None
    if not isinstance(body, dict):
        raise MalformedMessage("no JSON object")
    method, request = body.get("method"), body.get("request")
    if isinstance(method, str) and len(method) <= _MAX_CHARACTERS:
        param = body.get("param")
        if param is not None and not isinstance(param, dict):
            raise MalformedMessage("param is no object", method)
        return Request(method, param or {})
    if isinstance(request, str) and len(request) <= _MAX_CHARACTERS:
        return Reply(request, str(_number_or_text(body, "code", request)), body.get("result"))
    raise MalformedMessage("neither method nor request")


def call(method: str, param: dict[str, Any]) -> str:
    """Return the text of a call."""
    return json.dumps({"method": method, "param": param}, ensure_ascii=False)


def answer(method: str, code: str, result: Any = None) -> str:
    """Return the text of an answer."""
    return json.dumps({"request": method, "code": code, "result": result}, ensure_ascii=False)


def submission(rate_id: str | int, score: int) -> str:
    """Return the call that tells a rating: its one overall level stands in all four aspects."""
    return call(SUBMIT, {"rateId": rate_id, **dict.fromkeys(ASPECTS, score)})


def login_of(request: Request) -> tuple[str, str]:
    """Return winNum and userCode of a Login.

    :raises MalformedMessage: one is missing.
    """
    win_num, user_code = (str(_number_or_text(request.param, key, LOGIN)) for key in ("winNum", "userCode"))
    return win_num, user_code


def quest_of(request: Request, day: str) -> Quest:
    """Return the quest of a RateQuest; `day` keeps ids apart that begin again each morning.

    :raises MalformedMessage: it has no rateId.
    """
    rate_id = _number_or_text(request.param, "rateId", QUEST)
    told = [request.param.get(key) for key in ("item", "date", "reserveSeq")]
    digest = sha256(json.dumps([day, rate_id, told], sort_keys=True).encode()).hexdigest()
    item = request.param.get("item")
    known = item if CASE["task_name"].holds(item) else None
    return Quest(rate_id, f"rateservice-{digest[:32]}", known)


def operation_of(request: Request) -> str:
    """Return what a RateOperate wants.

    :raises MalformedMessage: nothing known.
    """
    operation = request.param.get("operate")
    if operation not in OPERATIONS:
        raise MalformedMessage("operate is unknown", OPERATE)
    return operation


def refusal_code(code: str) -> str:
    """Return this dialect's code for a code of the API."""
    return _REFUSALS.get(code, FAILED)


def _number_or_text(body: dict[str, Any], key: str, method: str) -> str | int:
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise MalformedMessage(f"{key} is neither text nor number", method)
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        raise MalformedMessage(f"{key} is too long", method)
    if len(str(value)) > _MAX_CHARACTERS:
        raise MalformedMessage(f"{key} is too long", method)
    return value
