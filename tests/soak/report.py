"""The figures of a soak: one flat object for programs, one table for people."""

from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.soak.compare import Verdict
from tests.soak.real import RealRun
from tests.soak.virtual import VirtualRun

COUNTS = (
    "visits", "presses", "pressed", "received", "lost", "doubled", "altered", "invented", "without_outcome",
    "two_outcomes", "missing_numbers",
)  # fmt: skip
WORDS = {
    "visits": "invites that were open",
    "presses": "presses made at the keys",
    "pressed": "pressed and shown",
    "received": "received as shown",
    "lost": "lost",
    "doubled": "doubled",
    "altered": "altered",
    "invented": "invented",
    "without_outcome": "invites without outcome",
    "two_outcomes": "invites with two outcomes",
    "missing_numbers": "sequence numbers missing",
}


@dataclass
class Soak:
    """One soak: what was asked for, and what both halves came to; a half that was not wanted is None."""

    seed: int
    minutes: float
    weeks: float
    terminals: int
    seconds: float
    real: RealRun | None
    virtual: VirtualRun | None
    problems: list[str] = field(default_factory=list)

    @property
    def halves(self) -> dict[str, RealRun | VirtualRun]:
        """Return the halves that were played, by name."""
        return {name: half for name, half in (("real", self.real), ("virtual", self.virtual)) if half is not None}

    @property
    def ok(self) -> bool:
        """Tell whether every press that was shown arrived once, and nothing else is wrong; nothing shown is wrong."""
        if not self.halves or self.all_problems:
            return False
        return all(half.verdict.ok and half.verdict.pressed > 0 for half in self.halves.values())

    @property
    def all_problems(self) -> list[str]:
        """Return everything that is wrong besides the counts."""
        return self.problems + [text for half in self.halves.values() for text in half.problems]

    def flat(self) -> dict:
        """Return the figures as build/soak.json has them."""
        total = Verdict()
        faults: Counter[str] = Counter()
        out: dict = {name: getattr(self, name) for name in ("ok", "seed", "minutes", "weeks", "terminals")}
        for name, half in self.halves.items():
            total.add(half.verdict)
            faults.update(half.faults)
            counts = {key: value for key, value in asdict(half.verdict).items() if key in COUNTS}
            out |= {f"{name}_{key}": value for key, value in (counts | half.facts).items()}
        out |= {name: getattr(total, name) for name in COUNTS}
        return out | {
            "seconds": round(self.seconds, 1),
            "faults_injected": sum(faults.values()),
            "faults": dict(sorted(faults.items())),
            "problems": self.all_problems,
            "details": total.details,
        }

    def table(self) -> str:
        """Return the verdict for people."""
        names = list(self.halves)
        flat = self.flat()
        lines = ["", f"{'':<28}" + "".join(f"{name:>10}" for name in [*names, "both"][: len(names) + (len(names) > 1)])]
        for count in COUNTS:
            cells = [flat[f"{name}_{count}"] for name in names] + ([flat[count]] if len(names) > 1 else [])
            lines.append(f"  {WORDS[count]:<26}" + "".join(f"{cell:>10}" for cell in cells))
        lines += ["", f"  {'faults injected':<26}{flat['faults_injected']:>10}"]
        lines += [f"    {kind.replace('_', ' '):<24}{number:>10}" for kind, number in flat["faults"].items()]
        lines += ["", *(f"  {text}" for text in flat["details"] + flat["problems"])]
        if self.ok:
            verdict = "every press that was shown arrived once, unaltered"
        else:
            verdict = "NOT every press that was shown arrived once, unaltered, or something else is wrong: see above"
        return "\n".join([*lines, f"  {verdict} ({self.seconds:.0f} s, seed {self.seed})"])
