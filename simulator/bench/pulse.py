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
INVITED = "invited"
TIME_SYNCED = 2
OUTCOMES = (RATED, "timed_out", "declined", "cancelled", "interrupted")


@dataclass
class Seen:
    """What the last look found of one terminal."""

    connected: bool | None = None
    state: str | None = None
    waiting: int = 0


@dataclass
class News:
    """What changed since the last look."""

    sayings: list[tuple[str, str, int | None]] = field(default_factory=list)
    """Text, tone, and the place that it is about."""
    records: list[dict] = field(default_factory=list)
    receipts: list[dict] = field(default_factory=list)


class Pulse:
    """Look at every station; `take` runs in a worker thread, one at a time."""

    def __init__(self, chain: Chain, watch: BrokerWatch) -> None:
        self._chain = chain
        self._watch = watch
        self._chips = [ChipReader(place.terminal.state.nor) for place in chain.places]
        self._seen = [Seen() for _ in chain.places]
        self._lock = threading.Lock()
        self._after = 0
        self.records: list[dict] = []
        self._receipted: dict[str, int | None] = {}
        self._rated: set[str] = set()
        self._agent: bool | None = None
        self._city = True
        self._counts = dict.fromkeys(("pressed", "stored", "received", "receipted"), 0)
        self._waiting = 0

    def take(self) -> News:
        """Look once at all stations and return what is new."""
        news = News()
        with self._lock:
            self._look_at_agent(news)
            self._look_at_city(news)
            self._look_at_receipts(news)
            self._look_at_chips()
        return news

    def state(self) -> dict:
        """Return what the last look found, for the page."""
        places = [{"link": bool(seen.connected), "state": seen.state, "waiting": seen.waiting} for seen in self._seen]
        return {
            "agent": bool(self._agent), "city": self._city, "counts": dict(self._counts), "waiting": self._waiting,
            "places": places,
        }  # fmt: skip

    def receipts_known(self) -> list[dict]:
        """Return all receipts seen so far, for a page that has just been opened."""
        return [{"id": event, "ms": ms} for event, ms in self._receipted.items()]

    def _look_at_agent(self, news: News) -> None:
        try:
            _, status = self._chain.agent_call("GET", "/status")
        except OSError:
            self._note_agent(False, news)
            for place in range(len(self._seen)):
                self._note_terminal(place, {}, news)
            return
        self._note_agent(True, news)
        rows = {row["terminal"]: row for row in status["terminals"]}
        for number, place in enumerate(self._chain.places):
            self._note_terminal(number, rows.get(place.terminal_id, {}), news)
        self._waiting = int(status["store"]["waiting"])

    def _note_agent(self, is_up: bool, news: News) -> None:
        if self._agent is not None and self._agent != is_up:
            text, mood = (sayings.AGENT_FOUND, "") if is_up else (sayings.AGENT_LOST, "bad")
            news.sayings.append((text, mood, None))
        self._agent = is_up

    def _note_terminal(self, place: int, row: dict, news: News) -> None:
        """Note what the agent says of a terminal; an empty row when it says nothing."""
        seen, is_up, state = self._seen[place], bool(row.get("connected")), row.get("state")
        if seen.connected is not None and seen.connected != is_up:
            text, mood = (sayings.TERMINAL_FOUND, "") if is_up else (sayings.TERMINAL_LOST, "bad")
            news.sayings.append((text, mood, place))
        if state == INVITED and seen.state != INVITED:
            news.sayings.append((sayings.INVITED, "", place))
        seen.connected, seen.state = is_up, state

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
                news.sayings.append((sayings.RECEIVED[item["kind"]], "", None))
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

    def _look_at_chips(self) -> None:
        pressed = stored = 0
        for seen, chip in zip(self._seen, self._chips, strict=True):
            events = chip.events()
            pressed += sum(event.kind == RATED for event in events)
            stored += sum(event.kind == RATED and event.acknowledged for event in events)
            seen.waiting = sum(not event.acknowledged for event in events)
        self._counts["pressed"], self._counts["stored"] = pressed, stored


def _row(item: dict) -> dict:
    """Return what the page's list shows of one record."""
    clerk = item.get("clerk")
    return {
        "id": item["id"], "kind": item["kind"], "level": item["level"], "invite": item["invite"], "seq": item["seq"],
        "business": item.get("business_level"), "service": item.get("service_level"), "tags": item.get("tags") or [],
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
