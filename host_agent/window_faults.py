"""Says what may be wrong with a window's terminal, each as a code for programs and a sentence for people."""

from typing import Any

from host_agent.config_model import WindowSection
from host_agent.errors import UserError
from protocol import reasons

NO_ANSWER, WRONG_TERMINAL, VERSION = "no_answer", "wrong_terminal", "version"
FAULT, CONNECTING, LOST = "fault", "connecting", "lost"


class WindowFault(UserError):
    """Say what is wrong; `condition` is the code for the clerk's page."""

    def __init__(self, condition: str, what: str, where: str, cure: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(what, where, cure)
        self.condition = condition


def connecting(section: WindowSection, port: str) -> WindowFault:
    """Return the fault of a port that is open and has not answered yet."""
    return WindowFault(CONNECTING, f"waiting for terminal {section.terminal}", port, "wait, or switch it on")


def no_answer(section: WindowSection, port: str) -> WindowFault:
    """Return the fault of a terminal that stays silent."""
    return WindowFault(
        NO_ANSWER, f"terminal {section.terminal} does not answer", port, "switch it on, or check that this is its port"
    )


def lost(section: WindowSection, port: str, reason: str) -> WindowFault:
    """Return the fault of a terminal that was there, or of versions that do not meet and which end to update."""
    what, speaks, versions = reason.partition(" speaks protocol ")
    if speaks:
        found, _, cure = versions.partition(": ")
        return WindowFault(VERSION, f"{what}{speaks}{found}", port, cure)
    return WindowFault(
        LOST,
        f"terminal {section.terminal} was lost: {reason}",
        port,
        "check its cable and power; the agent tries again",
    )


def misfit(section: WindowSection, hello: dict[str, Any], port: str) -> WindowFault | None:
    """Return why the terminal that answers cannot be used here, None when it can."""
    found = hello["terminal"]
    if hello["reason"] == reasons.VERSION or hello["proto"] == 0:
        return WindowFault(
            VERSION,
            f"terminal {found} (firmware {hello['firmware']}) speaks another protocol version",
            port,
            "update the older of agent and terminal",
        )
    if found != section.terminal:
        return WindowFault(
            WRONG_TERMINAL,
            f"terminal {found} answers instead of {section.terminal}",
            port,
            f"correct window {section.id} in agent.toml, or swap the cables",
        )
    return None


def told(section: WindowSection, hello: dict[str, Any], port: str) -> WindowFault | None:
    """Return the fault that the terminal itself reports in HELLO_REPLY."""
    if hello["reason"] == reasons.FAULT:
        return WindowFault(
            FAULT,
            f"terminal {section.terminal} has a fault, or forgot events it had sealed",
            port,
            "take it out of service; read its screen; provision it anew with a higher epoch",
        )
    return None
