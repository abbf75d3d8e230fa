"""/api/v1/windows/{window}/paper-form: the form of one service as PDF (POST), and whether one can be made (GET)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_agent import api_body, api_case
from host_agent.config_model import Config
from host_agent.errors import UserError
from host_agent.paper import form, offer, page
from host_agent.refusal import Refusal

if TYPE_CHECKING:
    from host_agent.counter_api import CounterApi

INVITE_HEADER = "Yiping-Invite"
KEYS = ("ticket", *api_case.KEYS)


def routes(api: "CounterApi", config: Config, utc_ms: Callable[[], int], seal: api_case.Seal) -> list[Route]:
    """Return the routes."""

    async def possible(request: Request) -> Response:
        api.window_of(request)
        _require_extra(404)
        return Response(status_code=204)

    async def paper_form(request: Request) -> Response:
        window = api.window_of(request)
        body = await api_body.read(request, KEYS)
        shown = api_body.ticket(body) if "ticket" in body else window.ticket or ""
        _require_extra(501)
        service = api_body.served(body, seal)
        now_ms = utc_ms()
        offered = await offer.offer(window, config.agent.centre, service, now_ms)
        clerk = window.clerk or {}
        content = form.FormContent(
            centre=config.agent.centre,
            window=window.section.name or window.section.id,
            clerk=" ".join(filter(None, (str(clerk.get("name") or ""), str(clerk.get("number") or "")))),
            address=offered.address,
            number=offered.invite.hex(),
            project_no=offered.project_no or "",
            task_name=service.case.get("task_name", ""),
            ticket=shown,
            date=datetime.fromtimestamp(now_ms / 1000).strftime("%Y年%m月%d日"),
        )
        name = f'inline; filename="form-{offered.invite.hex()[:8]}.pdf"'
        headers = {"Content-Disposition": name, INVITE_HEADER: offered.invite.hex()}
        # Half a second with the font: not on the loop.
        return Response(await asyncio.to_thread(form.form, content), 201, headers, "application/pdf")

    ordered = api.ordered(paper_form)

    async def either(request: Request) -> Response:
        return await (ordered if request.method == "POST" else possible)(request)

    return [Route("/api/v1/windows/{window}/paper-form", either, methods=["GET", "POST"])]


def _require_extra(status: int) -> None:
    """Refuse before anything is recorded, where no form can be made."""
    try:
        page.require()
    except UserError as error:
        raise Refusal(status, "no_paper", error.message, error.cure) from None
