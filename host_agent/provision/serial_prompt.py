"""A board's MicroPython prompt at a serial port, by mpremote; for boards whose maintenance jumper is set."""

from host_agent.errors import UserError

try:
    from mpremote.transport import TransportError
    from mpremote.transport_serial import SerialTransport
except ImportError as error:
    raise UserError(
        "the package mpremote is not installed, so no board can be reached at its prompt",
        "extra provision",
        'install it: pip install "yiping[provision]"',
    ) from error

BAUD = 115_200
ENTER_S = 10
ANSWER_S = 120  # looking at every page of a chip takes seconds
_CURE = "set the maintenance jumper, plug the board in anew, and close other programs that use the port"


class SerialPrompt:
    """Own the port while it is used as a context; what runs on the board is forgotten at the end."""

    def __init__(self, port: str) -> None:
        """Keep the port's name."""
        self._port = port

    def __enter__(self) -> "SerialPrompt":
        """Open the port and get the prompt.

        :raises UserError: there is none.
        """
        try:
            self._transport = SerialTransport(self._port, BAUD, exclusive=True)
            # No reset: it would take the port away with the board's USB.
            self._transport.enter_raw_repl(soft_reset=False, timeout_overall=ENTER_S)
        except (TransportError, OSError) as error:
            raise UserError(f"no prompt: {error}", self._port, _CURE) from None
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the prompt as it was found."""
        try:
            self._transport.exit_raw_repl()
        except (TransportError, OSError):
            pass  # unplugged meanwhile: there is nothing to leave
        self._transport.close()

    def run(self, code: str) -> str:
        """Carry out code and return what it printed.

        :raises UserError: it failed on the board, or the board is gone.
        """
        try:
            out, error = self._transport.exec_raw(f"import gc\ngc.collect()\n{code}", ANSWER_S)
        except (TransportError, OSError) as gone:
            raise UserError(f"the board is gone: {gone}", self._port, _CURE) from None
        if error:
            last = error.decode("utf-8", "replace").strip().splitlines()[-1:] or ["?"]
            raise UserError(f"the board says: {last[0]}", self._port, _CURE)
        return out.decode("utf-8", "replace")

    def write(self, path: str, data: bytes) -> None:
        """Put a file in the path's place on the board: written new, then renamed.

        :raises UserError: it failed on the board, or the board is gone.
        """
        try:
            self._transport.fs_writefile(f"{path}.new", data)
        except (TransportError, OSError) as error:
            raise UserError(f"the board did not take a file: {error}", f"{self._port}: {path}", _CURE) from None
        self.run(f"import os; os.rename({path + '.new'!r}, {path!r}); os.sync() if hasattr(os, 'sync') else None")
