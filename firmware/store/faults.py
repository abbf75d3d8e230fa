"""Why a journal cannot be used. Apart from recovery.py, which leaves memory once the journal stands."""


class JournalError(Exception):
    """The journal cannot be used; `why` is a code of protocol.reasons."""

    def __init__(self, why: int) -> None:
        super().__init__(f"journal: why {why}")
        self.why = why
