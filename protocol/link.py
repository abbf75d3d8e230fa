"""The link session between terminal and agent, sans-IO: `TerminalLink` on the device, `AgentLink` on the host.

Each side is loaded when it is first asked for, so that a terminal does not carry the agent's half in its memory.
"""


def __getattr__(name: str) -> type:
    if name == "TerminalLink":
        from protocol.link_terminal import TerminalLink

        return TerminalLink
    if name == "AgentLink":
        from protocol.link_agent import AgentLink

        return AgentLink
    raise AttributeError(name)
