"""Names the MQTT topics of the contract with the city, and the clients; ids are checked by the configuration."""


class Topics:
    """Hold the precomputed topics of one agent."""

    def __init__(self, prefix: str, centre: str, agent: str) -> None:
        """Build those that do not depend on a terminal."""
        self._terminal_base = f"{prefix}/{centre}/terminal"
        base = f"{prefix}/{centre}/agent/{agent}"
        self.state = f"{base}/state"
        self.health = f"{base}/health"
        self.receipt = f"{base}/receipt"
        self._service = f"{base}/service"
        self.update = f"{base}/command/update"
        self._event: dict[str, str] = {}

    def event(self, terminal: str) -> str:
        """Return the topic of a terminal's events."""
        topic = self._event.get(terminal)
        if topic is None:
            topic = self._event[terminal] = f"{self._terminal_base}/{terminal}/event"
        return topic

    def adopt(self, name: str) -> None:
        """Have what stands in the outbox under the agent's own name go to the topic of its services."""
        self._event[name] = self._service

    def terminal_state(self, terminal: str) -> str:
        """Return the retained topic of a terminal's state."""
        return f"{self._terminal_base}/{terminal}/state"


def agent_client_id(centre: str, agent: str) -> str:
    """Return the id by which the broker keeps an agent's session."""
    return f"yiping-{centre}-{agent}"


def receiver_client_id(name: str) -> str:
    """Return the id by which the broker keeps a receiver's session."""
    return f"yiping-receiver-{name}"
