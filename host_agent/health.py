"""Serves the agent's figures to Prometheus, from a registry of its own; read when asked for, nothing counted twice."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from host_agent.status import Status

_STORE_GAUGES = ("waiting", "unreceipted", "refused", "rows")
_STORE_COUNTERS = ("stored_total", "published_total", "receipted_total")
_TERMINAL_COUNTERS = (
    "frames",
    "bad_crc",
    "bad_length",
    "bad_cobs",
    "bad_session",
    "bad_message",
    "skipped_bytes",
    "duplicates",
)


class _AgentCollector(Collector):
    """Turn the status into metrics."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        whole = self._status.whole()
        yield GaugeMetricFamily("yiping_ok", "1 when there is no fault", float(whole["ok"]))
        yield GaugeMetricFamily("yiping_broker_connected", "1 with a broker", float(whole["broker"]["connected"]))
        for name in _STORE_GAUGES:
            yield GaugeMetricFamily(f"yiping_events_{name}", f"events {name}", whole["store"][name])
        for name in _STORE_COUNTERS:
            short = name.removesuffix("_total")
            yield CounterMetricFamily(
                f"yiping_events_{short}", f"events {short} since the store was made", whole["store"][name]
            )
        connected = GaugeMetricFamily("yiping_terminal_connected", "1 with a terminal", labels=("window", "terminal"))
        rtt = GaugeMetricFamily("yiping_link_rtt_ms", "round trip of the last heartbeat", labels=("window", "terminal"))
        counted = {
            name: CounterMetricFamily(
                f"yiping_link_{name}", f"{name} of the present connection", labels=("window", "terminal")
            )
            for name in _TERMINAL_COUNTERS
        }
        for terminal in whole["terminals"]:
            labels = (terminal["window"], terminal["terminal"])
            connected.add_metric(labels, float(terminal["connected"]))
            if terminal["link"].get("rtt_ms") is not None:
                rtt.add_metric(labels, terminal["link"]["rtt_ms"])
            for name, family in counted.items():
                family.add_metric(labels, terminal["link"].get(name, 0))
        yield connected
        yield rtt
        yield from counted.values()


class Metrics:
    """Own the registry."""

    def __init__(self, status: Status) -> None:
        """Register the agent's collector."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_AgentCollector(status))

    def text(self) -> tuple[bytes, str]:
        """Return the exposition and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
