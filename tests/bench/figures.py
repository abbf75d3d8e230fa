"""The figures of a run: what issue and data sheets ask of them, their table, and the file that they are kept in."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

AT_LEAST, AT_MOST = "≥", "≤"
MET, MISSED = "met", "MISSED"


class Target(NamedTuple):
    """What a figure must reach."""

    sign: str
    limit: float

    def is_met(self, value: float) -> bool:
        """Return whether a value is on the right side of the limit, or on it."""
        return value >= self.limit if self.sign == AT_LEAST else value <= self.limit

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


# By part. Figures without a target tell something, but promise nothing.
TARGETS = {
    "agent": {
        "agent_8_ptys_to_bare_paho_ratio": Target(AT_LEAST, 0.6),
        "agent_64_ptys_to_bare_paho_ratio": Target(AT_LEAST, 0.6),
        "agent_8_ptys_to_readline_script_ratio": Target(AT_LEAST, 15),
        "agent_64_ptys_to_readline_script_ratio": Target(AT_LEAST, 15),
        "agent_8_ptys_to_persist_queue_ratio": Target(AT_LEAST, 35),
        "agent_64_ptys_to_persist_queue_ratio": Target(AT_LEAST, 35),
        "agent_64_terminals_memory_mb": Target(AT_MOST, 60),
    },
    "receiver": {"receiver_events_per_cpu_s": Target(AT_LEAST, 1000)},
    "link": {
        "link_ber_1e5_turnaround_2_ms_share_of_limit": Target(AT_LEAST, 0.99),
        "link_ber_1e5_turnaround_22_ms_share_of_limit": Target(AT_LEAST, 0.99),
        "link_ber_1e4_turnaround_2_ms_share_of_limit": Target(AT_LEAST, 0.97),
        "link_ber_1e4_turnaround_22_ms_share_of_limit": Target(AT_LEAST, 0.97),
        "link_ber_1e3_turnaround_2_ms_share_of_limit": Target(AT_LEAST, 0.80),
        "link_ber_1e3_turnaround_22_ms_share_of_limit": Target(AT_LEAST, 0.80),
    },
    "journal": {
        "journal_erases_per_rating": Target(AT_MOST, 0.13),
        "journal_append_p99_typical_ms": Target(AT_MOST, 0.8),
        "journal_append_p99_worst_ms": Target(AT_MOST, 3.5),
        "journal_erases_in_the_way_of_a_press": Target(AT_MOST, 0),
    },
    "firmware": {
        "firmware_press_to_first_pixel_estimate_ms": Target(AT_MOST, 100),
        "firmware_t35_press_to_first_pixel_estimate_ms": Target(AT_MOST, 100),
    },
    "update": {
        # One block on the way and its answer awaited is about 0.9 and 0.65 of the limit, see docs/benchmarks.md.
        "update_rs232_turnaround_2_ms_share_of_limit": Target(AT_LEAST, 0.8),
        "update_rs232_turnaround_22_ms_share_of_limit": Target(AT_LEAST, 0.55),
        # What the chip's flash can take: 4 KB erased in 45 ms, 16 pages programmed in 0.4 ms each.
        "update_usb_bytes_per_s": Target(AT_LEAST, 80_000),
        "update_flash_to_mpremote_cp_ratio": Target(AT_LEAST, 10),
        "update_flash_to_mpremote_cp_by_its_pty_ratio": Target(AT_LEAST, 1.5),
    },
}
# What only a long run measures.
LONG_TARGETS = {
    "firmware": {
        "firmware_largest_free_block_after_10000_events_bytes": Target(AT_LEAST, 16_384),
        "firmware_t35_largest_free_block_after_10000_events_bytes": Target(AT_LEAST, 16_384),
        "firmware_smallest_largest_free_block_of_10000_ratings_bytes": Target(AT_LEAST, 16_384),
        "firmware_t35_smallest_largest_free_block_of_10000_ratings_bytes": Target(AT_LEAST, 16_384),
        "firmware_files_grown_over_10000_ratings_bytes": Target(AT_MOST, 0),
        "firmware_t35_files_grown_over_10000_ratings_bytes": Target(AT_MOST, 0),
    },
}


def target_of(name: str) -> Target | None:
    """Return what a figure must reach, None when it promises nothing."""
    for group in (TARGETS, LONG_TARGETS):
        for targets in group.values():
            if name in targets:
                return targets[name]
    return None


def medians(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the repetitions, which all have the same figures."""
    rows = list(runs)
    return {name: statistics.median([row[name] for row in rows]) for name in rows[0]}


def missed(figures: dict[str, float]) -> list[str]:
    """Return the names of the figures that are on the wrong side of their target."""
    targets = {name: target_of(name) for name in figures}
    return [name for name, target in targets.items() if target is not None and not target.is_met(figures[name])]


def table(figures: dict[str, float]) -> str:
    """Return the figures as text: name, value, target, whether it is met."""
    rows = [("figure", "value", "target", "")]
    for name, value in figures.items():
        target = target_of(name)
        verdict = "" if target is None else MET if target.is_met(value) else MISSED
        rows.append((name, shown(value), "" if target is None else str(target), verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {target:{widths[2]}}  {verdict}".rstrip()
        for name, value, target, verdict in rows
    )


def shown(value: float) -> str:
    """Return a number with four digits that mean something, whole from 1,000 on."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def keep(figures: dict[str, float], path: Path, merge: bool) -> None:
    """Write the figures as one flat JSON object; with `merge` those of earlier runs that are not among them stay."""
    kept = json.loads(path.read_text(encoding="utf-8")) if merge and path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept | figures, indent=2) + "\n", encoding="utf-8")
