"""Offers a rating on paper: its invite is recorded for the city like any other, but no terminal hears of it.

Promise: the record of the service is durable before the form exists; the invite id binds centre, window, clerk and
case, so that what is entered at the city can be credited to nobody else.
"""

import secrets

import attrs

from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.invite_subject import CHANNEL_PAPER, Service, reference
from host_agent.orders import UNASSIGNED, store_refusal
from host_agent.window import Window
from protocol import evidence


@attrs.frozen
class Offer:
    """One form's invite, what the city finds it by, and the address of its code (None without [qr])."""

    invite: bytes
    clerk: str
    project_no: str | None
    service_no: str | None
    address: str | None


async def offer(window: Window, centre: str, service: Service, now_ms: int) -> Offer:
    """Record an invite on paper and return it; where nobody is logged in it is unassigned.

    :raises Refusal: the store does not take it.
    """
    service.channel = CHANNEL_PAPER
    clerk = str(window.clerk["number"]) if window.clerk is not None else UNASSIGNED
    plan = window.services.plan(clerk, service, window.invites.state_of)
    bound = reference(plan.project_no, plan.service_no)
    preimage = evidence.invite_preimage(secrets.token_bytes(16), centre, window.section.id, clerk, bound, now_ms)
    invite = evidence.invite_id(preimage)
    try:
        await window.keep_offer(plan.changes(invite, preimage))
    except (StoreFullError, StoreFaultError) as error:
        plan.undone()
        raise store_refusal(error) from error
    plan.done()
    address = None if window.codes is None else window.codes.paper(invite, now_ms)
    return Offer(invite, clerk, plan.project_no, plan.service_no, address)
