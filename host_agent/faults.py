"""Says what keeps the agent from its work, and what will: a code for programs, one sentence with its cure for people.

A fault needs somebody now; a warning can wait some days. What is wrong with one terminal says status.py.
"""

from host_agent import certificates
from host_agent import delivery as rule
from host_agent.clock_watch import ClockWatch, clock_sentence, duration
from host_agent.config_model import Config
from host_agent.delivery import Delivery
from host_agent.topics import Topics
from host_agent.uplink import Uplink
from host_agent.writer import FULL, OK, Writer

Fault = dict[str, str]

# The city answers within seconds; an event that waits longer while others are receipted is worth a word.
LONG_WAIT_S = 3_600


class Faults:
    """Read the parts; nothing here changes them."""

    def __init__(self, config: Config, writer: Writer, delivery: Delivery, uplink: Uplink, clock: ClockWatch) -> None:
        """Keep the parts."""
        self._config = config
        self._writer = writer
        self._delivery = delivery
        self._uplink = uplink
        self._clock = clock

    def of_agent(self, waiting: int, unreadable: str | None) -> list[Fault]:
        """Return the agent's own faults, worst first; `unreadable` is why its store could not be read."""
        expired = [one for one in self._uplink.certificates.findings() if one.expired]
        found = [
            self._store_fault(unreadable),
            *(fault(certificates.CODE, one.text) for one in expired),
            self.of_broker(),
            self._delivery_fault(waiting),
        ]
        return [one for one in found if one is not None]

    def of_events(self, refused: int) -> list[Fault]:
        """Return what is wrong with single events at the city."""
        found = []
        if self._delivery.backlog.postponed:
            names = ", ".join(self._delivery.backlog.postponed)
            cure = "register it there with `yiping registry import`"
            found.append(fault("unknown_terminal", f"the city does not know terminal {names}: {cure}"))
        if refused:
            cure = "see /api/v1/refused and ask the city's operator"
            found.append(fault("refused", f"the city refused {refused} events: {cure}"))
        return found

    def of_broker(self) -> Fault | None:
        """Return what keeps the broker away."""
        if self._uplink.connected:
            return None
        told = self._uplink.fault
        return fault("broker", told.message if told else "the broker is not connected yet: wait a moment")

    def warnings(self, oldest_s: int | None) -> list[Fault]:
        """Return what will become a fault, or explains what looks odd; `oldest_s` is how long an event waits by now."""
        found = [fault(certificates.CODE, one.text) for one in self._uplink.certificates.findings() if not one.expired]
        jumped_ms = self._clock.look()
        if jumped_ms is not None:
            found.append(fault("clock", clock_sentence(jumped_ms)))
        flows = self._uplink.connected and self._delivery.state == rule.FLOWING
        backlog = self._delivery.backlog
        if backlog.records_wait and flows:
            cure = "update the city's receiver, and let the broker carry the topic of services"
            found.append(fault("services_wait", f"the city takes ratings, but no records of services: {cure}"))
        elif oldest_s is not None and oldest_s >= LONG_WAIT_S and flows and not backlog.postponed:
            cure = "look into the receiver's status at the city"
            waits = duration(oldest_s * 1000)
            found.append(fault("long_wait", f"an event waits for its receipt for {waits} while others flow: {cure}"))
        return found

    def _store_fault(self, unreadable: str | None) -> Fault | None:
        writer, folder = self._writer, self._config.agent.data_dir
        if writer.state == OK and unreadable is None:
            return None
        if writer.state == FULL:
            cure = "free some room; terminals keep their events until then"
            return fault("disk_full", f"the disk is full ({folder}): {cure}")
        reason = unreadable if writer.state == OK else writer.error
        cure = "check the folder, its rights and its disk; terminals keep their events until then"
        return fault("store_fault", f"the store takes nothing ({folder}: {reason}): {cure}")

    def _delivery_fault(self, waiting: int) -> Fault | None:
        delivery = self._delivery
        if not self._uplink.connected or delivery.state == rule.FLOWING:
            return None
        published = delivery.unreceipted
        if delivery.state == rule.NO_SUBSCRIBER:
            cure = "start the receiver, or check broker.prefix"
            return fault(delivery.state, f"nobody at the city takes the events ({waiting} wait): {cure}")
        if delivery.state == rule.NO_RECEIPTS and delivery.misfits:
            cure = f"check that the right receiver runs and that no other agent is called {self._config.agent.id}"
            what = f"the city's receipts fit none of the {published} events that wait ({delivery.misfits} came)"
            return fault("wrong_receipts", f"{what}: {cure}")
        if delivery.state == rule.NO_RECEIPTS:
            cure = "check that its receiver runs"
            return fault(delivery.state, f"the city sends no receipts ({published} events published without): {cure}")
        topics = Topics(self._config.broker.prefix, self._config.agent.centre, self._config.agent.id)
        cure = f"allow it to write {topics.event('+')} in the broker's access rules"
        return fault(delivery.state, f"the broker refuses this agent's events (0x{delivery.refusal:02x}): {cure}")


def fault(code: str, message: str) -> Fault:
    """Return a fault of the whole agent."""
    return {"code": code, "message": message}
