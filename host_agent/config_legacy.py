"""Holds a [[legacy]] section of agent.toml: an old FF68 rater that a window uses as its terminal."""

from pathlib import Path

import attrs

# The [[window]].port of a window whose terminal is an old rater.
LEGACY_PORT = "ff68"
FF68_BAUD = 9_600
# In this form the rater adds 0x80 to its address, in the other it does not.
FORM_ADDED, FORM_BARE = "0x80", "bare"
# How the rater wants its grade acknowledged: by a frame without data, or by its grade in a host's frame.
ACK_SHORT, ACK_ECHO = "short", "echo"
_FORM_OFFSET = 0x80


@attrs.frozen(kw_only=True)
class LegacySection:
    """Say where an old rater is, how it speaks, and which level each of its grades means: that has no default."""

    window: str
    port: str
    address: int
    grades: dict[str, int]
    key_file: Path
    form: str = FORM_ADDED
    ack: str = ACK_SHORT
    guard_ms: int = 1_500

    @property
    def offset(self) -> int:
        """Return what the rater adds to its address."""
        return _FORM_OFFSET if self.form == FORM_ADDED else 0

    @property
    def echo_ack(self) -> bool:
        """Say whether an acknowledgement repeats the grade."""
        return self.ack == ACK_ECHO

    def grade_table(self) -> dict[int, int]:
        """Return the levels by the number of the grade."""
        return {int(grade): level for grade, level in self.grades.items()}
