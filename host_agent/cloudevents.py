"""Writes an event as CloudEvents 1.0 JSON (structured mode). No level stands in it: the evidence stays sealed.

The text is put together by hand: every value is an id from the configuration, a number, hex or base64, none of which
JSON would escape, and this is the hot path (json.dumps costs four times as much).
"""

import time
from binascii import b2a_base64

from host_agent.store_rows import EventRow
from protocol import rating

CONTENT_TYPE = "application/cloudevents+json"
_TYPES = {kind: f"cn.yiping.{name}.v1" for kind, name in rating.KIND_NAMES.items()}
SERVICE_TYPE = "cn.yiping.service.v1"
UNREADABLE_TYPE = "cn.yiping.unreadable.v1"


class EventWriter:
    """Write the messages of one agent."""

    def __init__(self, centre: str, agent: str) -> None:
        """Keep the names that stand in each message."""
        self._centre = centre
        self._agent = agent
        self._utc_ms = -1
        self._text = ""

    def payload(self, row: EventRow, ce_id: str) -> bytes:
        """Return the message of one event, or of one of the agent's own records."""
        if not row.epoch:
            return self._own(row, ce_id)
        evidence = b2a_base64(row.evidence, newline=False).decode()
        preimage = "null" if row.preimage is None else f'"{b2a_base64(row.preimage, newline=False).decode()}"'
        subject = "" if row.invite is None else f'"subject":"{row.invite.hex()}",'
        delay = "null" if row.delay_ms is None else row.delay_ms
        offset = "null" if row.clock_offset_ms is None else row.clock_offset_ms
        return (
            f'{{"specversion":"1.0","id":"{ce_id}","source":"/{self._centre}/{row.window}/{row.terminal}",'
            f'"type":"{event_type(row.kind)}",{subject}"time":"{self._time(row.stored_utc_ms)}","agent":"{self._agent}",'
            f'"datacontenttype":"application/json","data":{{"evidence":"{evidence}","invite_preimage":{preimage},'
            f'"link":{{"delay_ms":{delay},"clock_offset_ms":{offset}}}}}}}'
        ).encode()

    def _own(self, row: EventRow, ce_id: str) -> bytes:
        subject = "" if row.invite is None else f'"subject":"{row.invite.hex()}",'
        head = (
            f'{{"specversion":"1.0","id":"{ce_id}","source":"/{self._centre}/{row.window}","type":"{SERVICE_TYPE}",'
            f'{subject}"time":"{self._time(row.stored_utc_ms)}","agent":"{self._agent}",'
            f'"datacontenttype":"application/json","data":'
        )
        return head.encode() + row.evidence + b"}"

    def _time(self, utc_ms: int) -> str:
        """Return RFC 3339 UTC with milliseconds; events of one block have the same."""
        if utc_ms != self._utc_ms:
            second, ms = divmod(utc_ms, 1000)
            self._utc_ms = utc_ms
            self._text = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{ms:03d}Z"
        return self._text


def event_type(kind: int | None) -> str:
    """Return the CloudEvents type of a kind; one that we do not know keeps its number."""
    if kind is None:
        return UNREADABLE_TYPE
    return _TYPES.get(kind) or f"cn.yiping.kind-{kind}.v1"
