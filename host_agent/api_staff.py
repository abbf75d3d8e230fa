"""The API's part about clerks: who is known, with which cards, and what terminals still hold of those who were removed.

Only for callers that may ask about the whole agent. What is put here is personal data: no answer holds a card.
"""

import base64
import binascii
import contextlib
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from host_agent import api_body, counter_api, orders, store_staff
from host_agent.content import card_file, staff
from host_agent.content.card_boards import BOARDS
from host_agent.content.contents import Contents
from host_agent.content.staff import Clerk, Staff
from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.refusal import Refusal, bad_request
from host_agent.store import Store
from host_agent.store_rows import Change
from host_agent.window import Window
from host_agent.writer import Writer


class StaffApi:
    """Answer about clerks out of the store."""

    def __init__(self, store: Store, writer: Writer, windows: dict[str, Window], contents: Contents) -> None:
        """Keep the parts."""
        self._store = store
        self._writer = writer
        self._windows = windows
        self._contents = contents

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [
            Route("/api/v1/staff", self._list),
            Route("/api/v1/staff/{number}", self._one, methods=["PUT", "DELETE"]),
            Route("/api/v1/removals/{terminal}", self._give_up, methods=["DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:
        counter_api.require_whole(request)
        return JSONResponse(listing(self._store, self._contents.library.removals))

    async def _one(self, request: Request) -> Response:
        counter_api.require_whole(request)
        return await (self._put if request.method == "PUT" else self._remove)(request)

    async def _put(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not staff.NUMBER.match(number):
            raise bad_request(f"number must be {staff.NUMBER_RULE}", "correct number")
        given = _staff(number, await api_body.read(request, ("name", "post", "stars", "cards")))
        change = change_of(self._store, given)
        if change != UNCHANGED:
            await self._write(*store_staff.put(given))
            self._contents.staff_changed()
        return JSONResponse({"number": number, "change": change})

    async def _remove(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not staff.NUMBER.match(number) or store_staff.clerk(self._store, number) is None:
            raise Refusal(404, "unknown_clerk", f"no clerk {number[:20]!r} was imported", "see /api/v1/staff")
        here = [window for window in self._windows.values() if (window.clerk or {}).get("number") == number]
        for window in here:  # before the store: nothing may write the name back
            window.clerk = {"number": number}
        terminals = [window.section.terminal for window in self._windows.values()]
        await self._write(*store_staff.remove([number], terminals))
        self._contents.staff_changed()
        for window in here:
            with contextlib.suppress(Refusal):  # a terminal that does not take it now hears it at its next connection
                await orders.login(window, {"number": number}, begins=False)
        waiting = [name for name, numbers in self._contents.library.removals.items() if number in numbers]
        return JSONResponse({"number": number, "terminals": waiting, "wiped": not self._store.log_remembers})

    async def _give_up(self, request: Request) -> Response:
        counter_api.require_whole(request)
        terminal = request.path_params["terminal"]
        numbers = self._contents.library.removals.get(terminal)
        if numbers is None:
            raise Refusal(404, "unknown_terminal", f"terminal {terminal[:20]!r} has nothing to remove", "see staff")
        numbers = list(numbers)
        await self._write(store_staff.forget_terminal(terminal))
        self._contents.staff_changed()
        return JSONResponse({"terminal": terminal, "numbers": numbers})

    async def _write(self, *changes: Change) -> None:
        """Make changes durable; what they replace is gone from the log too.

        :raises Refusal: they are not.
        """
        try:
            await self._writer.write(*changes, forget=True)
        except (StoreFullError, StoreFaultError) as error:
            raise orders.store_refusal(error) from error


NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"


def listing(store: Store, removals: dict[str, list[str]]) -> dict[str, Any]:
    """Return what GET /staff answers; `removals` are the numbers that each terminal has not confirmed."""
    boards: dict[str, list[str]] = {}
    for number, board in store_staff.hashes(store):
        boards.setdefault(number, []).append(board)
    items = [attrs.asdict(clerk) | {"boards": boards.get(clerk.number, [])} for clerk in store_staff.clerks(store)]
    return {"items": items, "removals": [{"terminal": name, "numbers": numbers} for name, numbers in removals.items()]}


def change_of(store: Store, given: Staff) -> str:
    """Return what putting a clerk would be: NEW, CHANGED or UNCHANGED."""
    number = given.clerk.number
    known = store_staff.clerk(store, number)
    if known is None:
        return NEW
    boards = {board for name, board in store_staff.hashes(store) if name == number} | set(given.cards)
    same = all(store_staff.card(store, number, board) == given.cards.get(board) for board in boards)
    return UNCHANGED if known == given.clerk and same else CHANGED


def _staff(number: str, body: dict[str, Any]) -> Staff:
    """Return the clerk of a body.

    :raises Refusal: a value does not fit.
    """
    texts = {}
    for key, limit in (("name", staff.MAX_NAME), ("post", staff.MAX_POST)):
        value = "" if body.get(key) is None else body[key]
        fault = "is no text" if not isinstance(value, str) else staff.text_fault(value, limit)
        if fault is not None:
            raise bad_request(f"{key} {fault}", f"correct {key}")
        texts[key] = value
    if not texts["name"]:
        raise bad_request("the name is missing", "send name")
    stars = body.get("stars")
    if stars is not None:
        stars = api_body.whole(body, "stars", 0, staff.MAX_STARS)
    cards = {} if body.get("cards") is None else body["cards"]
    if not isinstance(cards, dict):
        raise bad_request("cards must be an object of boards", "correct or omit cards")
    return Staff(
        Clerk(number, texts["name"], texts["post"], stars), {name: _card(name, data) for name, data in cards.items()}
    )


def _card(name: str, text: Any) -> bytes:
    board = BOARDS.get(name)
    if board is None:
        raise bad_request(f"unknown board {name[:20]!r} in cards", f"use {', '.join(BOARDS)}")
    try:
        data = base64.b64decode(text if isinstance(text, str) else "", validate=True)
        card_file.decode(data, board.width, board.height)
    except (binascii.Error, ValueError, card_file.CardError) as error:
        what = f"the card for {name} is none: {error}"[:200]
        raise bad_request(what, "render it with `yiping staff import`") from None
    return data
