"""One look at agent, city, broker and chip: figures for the stations, and what is new since the last look."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from simulator.bench import sayings
from simulator.demo.chain import Chain
from simulator.demo.chip_reader import ChipReader
from simulator.demo.http_json import call
from simulator.demo.outbox_reader import outbox_events
from simulator.demo.watch import ACCEPTED, BrokerWatch

RATED = "rated"
TIME_SYNCED = 2
OUTCOMES = (RATED, "timed_out", "declined", "cancelled", "interrupted")


@dataclass
class News:
    """What changed since the last look."""

    sayings: list[tuple[str, str]] = field(default_factory=list)
    records: list[dict] = field(default_factory=list)
    receipts: list[dict] = field(default_factory=list)


class Pulse:
    """Look at every station; `take` runs in a worker thread, one at a time."""

    def __init__(self, chain: Chain, watch: BrokerWatch) -> None:
        self._chain = chain
        self._watch = watch
        self._chip = ChipReader(chain.nor_image)
        self._lock = threading.Lock()
        self._after = 0
        self.records: list[dict] = []
        self._receipted: dict[str, int | None] = {}
        self._rated: set[str] = set()
        self._agent: bool | None = None
        self._connected: bool | None = None
        self._city = True
        self._invited = False
        self._counts = dict.fromkeys(("pressed", "stored", "received", "receipted"), 0)
        self._waiting = {"terminal": 0, "agent": 0}

    def take(self) -> News:
        """Look once at all stations and return what is new."""
        news = News()
        with self._lock:
            self._look_at_agent(news)
            self._look_at_city(news)
            self._look_at_receipts(news)
            self._look_at_chip()
        return news

    def state(self) -> dict:
        """Return what the last look found, for the page."""
        return {
            "agent": bool(self._agent), "link": bool(self._connected), "city": self._city, "counts": dict(self._counts),
            "waiting": dict(self._waiting), "invited": self._invited,
        }  # fmt: skip

    def receipts_known(self) -> list[dict]:
        """Return all receipts seen so far, for a page that has just been opened."""
        return [{"id": event, "ms": ms} for event, ms in self._receipted.items()]

    def _look_at_agent(self, news: News) -> None:
        try:
            _, status = self._chain.agent_call("GET", "/status")
        except OSError:
            self._note_agent(False, news)
            self._note_link(False, news)
            return
        self._note_agent(True, news)
        row = next(iter(status["terminals"]), {})
        self._note_link(bool(row.get("connected")), news)
        invited = row.get("state") == "invited"
        if invited and not self._invited:
            news.sayings.append((sayings.INVITED, ""))
        self._invited = invited
        self._waiting["agent"] = int(status["store"]["waiting"])

    def _note_agent(self, is_up: bool, news: News) -> None:
        if self._agent is not None and self._agent != is_up:
            news.sayings.append((sayings.AGENT_FOUND, "") if is_up else (sayings.AGENT_LOST, "bad"))
        self._agent = is_up

    def _note_link(self, is_up: bool, news: News) -> None:
        if self._connected is not None and self._connected != is_up:
            news.sayings.append((sayings.TERMINAL_FOUND, "") if is_up else (sayings.TERMINAL_LOST, "bad"))
        self._connected = is_up

    def _look_at_city(self, news: News) -> None:
        try:
            _, answer = call("GET", f"{self._chain.city_url}/api/v1/ratings?after={self._after}")
        except OSError:
            self._city = False
            return
        self._city = True
        self._after = answer["next"]
        for item in answer["items"]:
            if item["kind"] in OUTCOMES:
                news.records.append(_row(item))
                news.sayings.append((sayings.RECEIVED[item["kind"]], ""))
            if item["kind"] == RATED:
                self._rated.add(item["id"])
        self.records += news.records
        self._counts["received"] = len(self._rated)

    def _look_at_receipts(self, news: News) -> None:
        known = {row["id"]: row for row in self.records}
        heard = self._watch.receipts()
        missing = [event for event in known if event not in self._receipted]
        # The ear misses what passes while it connects again after the broker was down; the agent's books do not.
        settled = {row.id for row in outbox_events(self._chain.agent_database) if row.receipted} if missing else set()
        for event in missing:
            if event in heard and heard[event][1] in ACCEPTED:
                self._receipted[event] = _latency_ms(known[event], heard[event][0])
            elif event in settled:
                self._receipted[event] = None
            else:
                continue
            news.receipts.append({"id": event, "ms": self._receipted[event]})
        self._counts["receipted"] = sum(event in self._receipted for event in self._rated)

    def _look_at_chip(self) -> None:
        events = self._chip.events()
        self._counts["pressed"] = sum(event.kind == RATED for event in events)
        self._waiting["terminal"] = sum(not event.acknowledged for event in events)
        self._counts["stored"] = sum(event.kind == RATED and event.acknowledged for event in events)


def _row(item: dict) -> dict:
    """Return what the page's list shows of one record."""
    clerk = item.get("clerk")
    return {
        "id": item["id"], "kind": item["kind"], "level": item["level"], "invite": item["invite"], "seq": item["seq"],
        "window": item["window"], "clerk": clerk.get("name") if isinstance(clerk, dict) else clerk,
        "service_ref": item.get("service_ref"), "time": _clock(item["utc_ms"]),
        "utc_ms": item["utc_ms"], "time_quality": item["time_quality"],
    }  # fmt: skip


def _latency_ms(row: dict, seen_s: float) -> int | None:
    """Return the time from the press, by the terminal's clock, to the receipt; None while that clock is not synced."""
    if row["utc_ms"] is None or row["time_quality"] < TIME_SYNCED:
        return None
    seen_utc_s = time.time() - (time.monotonic() - seen_s)
    return max(0, round(seen_utc_s * 1000 - row["utc_ms"]))


def _clock(utc_ms: int | None) -> str:
    return "时间未定" if utc_ms is None else datetime.fromtimestamp(utc_ms / 1000).strftime("%H:%M:%S")
