"""A serial server in front of a terminal's port: it passes everything on and keeps both directions."""

import contextlib
import os
import select
import socket
import threading
from pathlib import Path

_BLOCK_BYTES = 4096
_WAIT_S = 0.2


class LineTap:
    """Join one TCP connection at a time with the terminal's port."""

    def __init__(self, device: Path) -> None:
        self.from_terminal = bytearray()
        self.to_terminal = bytearray()
        self._device = device
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_WAIT_S)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> str:
        """Return what stands in agent.toml."""
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> "LineTap":
        self._thread.start()
        return self

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._ends.is_set():
            try:
                agent, _ = self._listener.accept()
            except TimeoutError:
                continue
            with agent, contextlib.suppress(OSError):
                terminal = os.open(self._device, os.O_RDWR | os.O_NOCTTY)
                try:
                    self._join(agent, terminal)
                finally:
                    os.close(terminal)

    def _join(self, agent: socket.socket, terminal: int) -> None:
        while not self._ends.is_set():
            ready, _, _ = select.select([agent, terminal], [], [], _WAIT_S)
            if agent in ready:
                data = agent.recv(_BLOCK_BYTES)
                if not data:
                    return
                self.to_terminal += data
                while data:
                    data = data[os.write(terminal, data) :]
            if terminal in ready:
                data = os.read(terminal, _BLOCK_BYTES)
                self.from_terminal += data
                agent.sendall(data)
