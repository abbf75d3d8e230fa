"""Feed the watchdog only while every task that must live is alive; end in a reset otherwise."""

CHECK_MS = 2_000  # the watchdog bites after 8 s


class Supervisor:
    """Know the tasks that must live, by name; a task has done()."""

    def __init__(self, watchdog: object) -> None:
        self._watchdog = watchdog
        self._names = []
        self._tasks = []

    def watch(self, name: str, task: object) -> None:
        """Add a task that must live."""
        self._names.append(name)
        self._tasks.append(task)

    def check(self) -> str | None:
        """Feed the watchdog; return the name of a dead task instead, if there is one. Allocates nothing."""
        for i in range(len(self._tasks)):
            if self._tasks[i].done():
                return self._names[i]
        self._watchdog.feed()
        return None
