"""What counter software and clerks may order at a window: login, logout, serve, pause, invite, cancel.

Promise: an order is remembered durably where a restart must not forget it; an invite is durable before it leaves; the
answer waits for the terminal at most `TERMINAL_S`, and never tells a level; `rated_level` alone does, of a terminal
provisioned so, to an old counter software's dialect.
"""

import asyncio
from typing import Any

from host_agent import refusal
from host_agent.content import notice as notices
from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.invite_subject import CHANNEL_KIOSK, CHANNEL_WINDOW, Service
from host_agent.refusal import Refusal
from host_agent.store_rows import PENDING, REFUSED_INVITE, InviteRow
from host_agent.terminal import Reply
from host_agent.window import Window
from protocol import messages, rating, reasons

TERMINAL_S = 3.0
UNASSIGNED = "unassigned"  # who served at a self-service terminal
# A cancelled invite's sealed outcome follows the reply at once.
OUTCOME_S = 1.0


async def login(window: Window, clerk: dict[str, Any], begins: bool = True) -> None:
    """Log a clerk in; without terminal it is told later. A number alone is filled up from the imported staff.

    With `begins` false only what is known of the clerk has changed, not who sits there.

    :raises Refusal: the terminal or the store does not take it.
    """
    if window.clerk is not None and window.clerk["number"] != clerk["number"]:
        window.services.end()
    clerk = window.clerk = window.content.filled(clerk) if window.content is not None else clerk
    if begins:
        window.shift.begin()
    await _remember(window)
    await _tell(window, messages.CLERK, {"clerk": clerk})


async def logout(window: Window) -> None:
    """Log the clerk out.

    :raises Refusal: the terminal or the store does not take it.
    """
    window.clerk = None
    window.ticket = None
    window.services.end()
    await _remember(window)
    await _tell(window, messages.CLERK, {"clerk": None})


async def pause(window: Window, paused: bool) -> None:
    """Pause or resume the window.

    :raises Refusal: the terminal or the store does not take it.
    """
    window.paused = paused
    window.shift.use()
    if paused:
        window.services.end(only_uninvited=True)
    await _remember(window)
    await _tell(window, messages.PAUSE, {"paused": paused})


async def notice(window: Window, text: str) -> None:
    """Show a notice while nobody serves at the window; "" takes it away.

    :raises Refusal: the terminal or the store does not take it.
    """
    await _keep_notice([window], text)
    await _tell(window, messages.NOTICE, {"text": text})


async def notice_everywhere(windows: list[Window], text: str) -> list[str | None]:
    """Show a notice at several windows; return for each None, or the code of what keeps its terminal from it now.

    :raises Refusal: the store does not take it; nothing has changed then.
    """
    await _keep_notice(windows, text)
    return list(await asyncio.gather(*(_told(window, messages.NOTICE, {"text": text}) for window in windows)))


async def _keep_notice(windows: list[Window], text: str) -> None:
    try:
        await notices.keep([window.notice for window in windows if window.notice is not None], text)
    except (StoreFullError, StoreFaultError) as error:
        raise store_refusal(error) from error


async def serve(window: Window, ticket: str, service: Service) -> None:
    """Show whose turn it is, and begin a visit with what is known of its case.

    :raises Refusal: the terminal is absent or does not take it.
    """
    await _ask(window, messages.SERVE, {"ticket": ticket})
    window.ticket = ticket
    window.shift.use()
    window.services.begin(window.clerk["number"] if window.clerk is not None else None, service)


async def invite(window: Window, service: Service) -> tuple[InviteRow, bool]:
    """Invite; return the invite and whether it is new. `pending` means that the terminal has not answered yet.

    :raises Refusal: no terminal, no clerk, no room, or the terminal does not take it.
    """
    if not window.section.has_terminal:
        raise refusal.no_terminal(window.section.id)
    if not window.connected:
        raise refusal.absent(window.section.id)
    clerk = who_serves(window, service)
    if service.origin == rating.ORIGIN_CLERK_PAGE and window.shift.over:
        raise refusal.shift_over(clerk)
    window.shift.use()
    try:
        row, new = await window.invites.make(clerk, service)
    except (StoreFullError, StoreFaultError) as error:
        raise store_refusal(error) from error
    if not new and not service.same_as(row):
        raise Refusal(
            409,
            "id_reused",
            "this id was given to an invite for another service",
            "give each invite an id of its own; the same id only to ask again",
        )
    if new:
        window.ticket = None
        await _answer(window.send_invite(row))
        row = window.invites.get(row.invite) or row
    if row.state == REFUSED_INVITE:
        raise refusal.from_reason_code(row.reason or "fault")
    return row, new


def who_serves(window: Window, service: Service) -> str:
    """Return the number of the clerk at a window, and let the service be a kiosk's where nobody sits.

    :raises Refusal: somebody should be logged in.
    """
    if window.section.is_kiosk and service.channel == CHANNEL_WINDOW:
        service.channel = CHANNEL_KIOSK
    if window.clerk is not None:
        return str(window.clerk["number"])
    if not window.section.is_kiosk:
        raise refusal.from_reason(reasons.NO_CLERK)
    return UNASSIGNED


async def cancel(window: Window, invite_id: bytes) -> InviteRow:
    """Cancel an invite that has no outcome; return it as it then stands.

    :raises Refusal: unknown invite, already rated, or no terminal.
    """
    row = window.invites.get(invite_id)
    if row is None:
        raise Refusal(404, "unknown_invite", "this window has no such invite", "check the invite id")
    if row.state == "rated":
        raise refusal.from_reason(reasons.RATED)
    if row.state not in (PENDING, "open"):
        return row
    await _ask(window, messages.CANCEL, {"invite": invite_id})
    await window.invites.wait_ended(invite_id, OUTCOME_S)
    return window.invites.get(invite_id) or row


async def rated_level(window: Window, invite_id: bytes) -> dict[str, Any] | None:
    """Return what was pressed for an invite, for a dialect only, to be kept in memory only; None when it is not told.

    The map has `level`, `final` (false while the citizen may still change it) and, when given, `biz`, `svc`, `tags`.
    """
    if not window.reveals:
        return None
    reply = await _answer(window.request(messages.QUERY, {}))
    rated = (reply[1] or {}).get("rated") if reply is not None and reply[0] == reasons.OK else None
    if not isinstance(rated, dict) or rated.get("invite") != invite_id:
        return None
    return {key: value for key, value in rated.items() if key != "invite"}


async def _remember(window: Window) -> None:
    try:
        await window.remember()
    except (StoreFullError, StoreFaultError) as error:
        raise store_refusal(error) from error


async def _ask(window: Window, type_: int, fields: dict[str, Any]) -> None:
    """Send a request that only makes sense now."""
    reply = await _answer(window.request(type_, fields))
    if reply is None:
        raise refusal.no_answer(window.section.id) if window.connected else refusal.absent(window.section.id)
    if reply[0] != reasons.OK:
        raise refusal.from_reason(reply[0])


async def _tell(window: Window, type_: int, fields: dict[str, Any]) -> None:
    """Send what a terminal that is absent or silent now will hear when it comes back."""
    reply = await _answer(window.request(type_, fields))
    if reply is not None and reply[0] != reasons.OK:
        raise refusal.from_reason(reply[0])


async def _told(window: Window, type_: int, fields: dict[str, Any]) -> str | None:
    """Tell a terminal; return None, or the code of why it does not know now."""
    try:
        await _ask(window, type_, fields)
    except Refusal as error:
        return error.code
    return None


async def _answer(future: "asyncio.Future[Reply] | None") -> Reply | None:
    """Return the reply, None when none comes in time."""
    if future is None:
        return None
    try:
        return await asyncio.wait_for(asyncio.shield(future), TERMINAL_S)
    except (TimeoutError, ConnectionError):
        return None


def store_refusal(error: Exception) -> Refusal:
    """Return the refusal for a store that takes nothing."""
    if isinstance(error, StoreFullError):
        return Refusal(
            503,
            refusal.STORE_FULL,
            "the agent's disk is full: nothing new can be kept",
            "free room on the disk of the data folder",
        )
    return Refusal(
        503, refusal.STORE_FAULT, f"the agent's store takes nothing: {error}", "check the data folder and its disk"
    )
