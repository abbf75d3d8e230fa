"""Names the parts of a self-test's mask: a code for programs, what is wrong in words, and what to do about it."""

import attrs

from protocol import self_test_parts as parts


@attrs.frozen
class Part:
    """One bit of the mask."""

    bit: int
    code: str
    wrong: str
    cure: str


_EXAMINE = "have the board examined, or take another one"
PARTS = (
    Part(parts.NOR, "nor", "the journal's chip does not answer", f"look at U2 and its four wires; {_EXAMINE}"),
    Part(parts.READ_BACK, "read_back", "the journal's chip does not hold what is written", "replace U2"),
    Part(parts.RTC, "rtc", "the clock chip does not answer", "look at U3 and both wires of I2C 1"),
    Part(parts.TICKING, "ticking", "the clock does not run as it should", "replace U3, or its module"),
    Part(parts.LCD, "lcd", "the display shows wrongly or nothing", "look at the display's plug and its wires"),
    Part(
        parts.TOUCH, "touch", "the touch panel is silent, or something lies on it", "clean the glass; look at its plug"
    ),
    Part(parts.VOICE, "voice", "the voice module does not play", "look at its plug, loudspeaker and prompts"),
    Part(parts.KEYS, "keys", "a key is stuck, dead or wired wrongly", "free the key; look at its plug and wires"),
    Part(parts.MEMORY, "memory", "memory runs out", "switch the terminal off and on; update its firmware"),
    Part(parts.FILES, "files", "the internal file system is full", "flash the terminal again"),
    Part(parts.LAMPS, "lamps", "a key's lamp is dark or in the wrong place", "look at the lamps' plug and order"),
    Part(parts.CASE, "case", "the case's switch does not switch", "look at the switch and how the case shuts"),
    Part(parts.BUZZER, "buzzer", "the buzzer is silent", "look at BZ1"),
    Part(parts.LIGHT, "light", "the display's light does not change", "look at the light's transistor and wire"),
)


def failed(mask: int) -> list[Part]:
    """Return the parts that a mask names; a bit of a newer firmware has a number for its code."""
    found = [part for part in PARTS if mask & part.bit]
    rest = mask & ~parts.ALL
    while rest:
        bit = rest & -rest
        rest &= ~bit
        found.append(
            Part(bit, f"part_{bit.bit_length() - 1}", "a part that this program does not know", "update yiping")
        )
    return found


def sentence(mask: int) -> str:
    """Return what is wrong, in one line."""
    return "; ".join(part.wrong for part in failed(mask)) or "all parts are well"


def of_status(status: dict[str, object]) -> tuple[int, int] | None:
    """Return number and mask of the last self-test that a terminal's status tells of, None when it tells of none."""
    told = status.get("self_test")
    if isinstance(told, list | tuple) and len(told) == 2 and all(type(one) is int and one >= 0 for one in told):
        return told[0], told[1]
    return None
