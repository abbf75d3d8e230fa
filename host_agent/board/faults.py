"""What may go wrong with a board, each with a code for the ledger and the report beside its sentence and cure."""

from host_agent.errors import UserError

UNPLUGGED, NO_ANSWER, LOCKED = "unplugged", "no_answer", "locked"
WRONG_IMAGE, WRONG_CHIP, FULL, BAD_WRITE = "wrong_image", "wrong_chip", "full", "bad_write"
QUEUE, NO_ROW, WRONG_TERMINAL, SELF_TEST, BOARD = "queue", "no_row", "wrong_terminal", "self_test", "board"
ANOTHER_BOARD = "another_board"


class BoardFault(UserError):
    """Say what is wrong with one board; the others go on."""

    def __init__(self, code: str, what: str, where: str, cure: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(what, where, cure)
        self.code = code


class StoppedError(Exception):
    """The run was told to stop: the stage under way is left as it is and goes on next time."""


def unplugged(port: str) -> BoardFault:
    """Return the fault of a cable that came out."""
    return BoardFault(UNPLUGGED, "the board went away", port, "plug it in again: it goes on where it was")


def no_answer(port: str, what: str = "the board does not answer") -> BoardFault:
    """Return the fault of a port at which nothing speaks."""
    return BoardFault(NO_ANSWER, what, port, "unplug the board, wait 3 s, plug it in again; else change the cable")


def locked(port: str, terminal: str) -> BoardFault:
    """Return the fault of a terminal that is in service and opens its console to nobody."""
    cure = "set the maintenance jumper and plug it in again, or update it over the link (yiping update)"
    return BoardFault(LOCKED, f"terminal {terminal} is locked", port, cure)


def another_board(port: str, wanted: str, found: str) -> BoardFault:
    """Return the fault of a port whose name has passed to another board; nothing was written to that one."""
    what = f"{found} answers where {wanted} was: the ports have swapped their names; nothing was written"
    return BoardFault(ANOTHER_BOARD, what, port, "unplug both boards, then plug them in again one after the other")
