"""A terminal of the agent's tests: protocol.link on a pty, sealed events, a thin session; no chips, no firmware."""

import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable

from host_agent.receiver.aes import Aes
from protocol import evidence, messages, rating, reasons
from protocol.link import TerminalLink

SECRET = bytes(range(32))


class Outbox:
    """Hold sealed events in memory, as the journal does on its chip."""

    def __init__(self):
        self.events: list[bytes] = []
        self.born_ms: list[int] = []
        self.first_unacked = 1
        self._beyond: set[int] = set()

    def first(self):
        return self.first_unacked

    def last(self):
        return len(self.events)

    def read(self, seq):
        if not 1 <= seq <= len(self.events):
            return None
        return max(0, _now_ms() - self.born_ms[seq - 1]), self.events[seq - 1]

    def acknowledge(self, seq):
        self._beyond.add(seq)
        while self.first_unacked in self._beyond:
            self._beyond.discard(self.first_unacked)
            self.first_unacked += 1


class FakeTerminal:
    """Serve one terminal on a pty from a thread; the methods may be called from any thread."""

    def __init__(self, link_path, terminal="YP-0001", epoch=1, secret=SECRET):
        self.link_path = str(link_path)
        self.terminal = terminal
        self.epoch = epoch
        self.outbox = Outbox()
        self.requests: list[tuple[int, dict]] = []
        self.answers: dict[int, int] = {}  # request type → reason to answer with
        self.silent = False
        self.lose_replies = False  # requests are done, their replies never leave
        self.clerk = None
        self.paused = False
        self.open_invite: bytes | None = None
        self.ended: set[bytes] = set()
        self.extra_identity: dict = {}
        self._sealer = evidence.Sealer(Aes, evidence.event_key(secret, epoch), terminal, epoch)
        self._prev = bytes(8)
        self._jobs: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = os.pipe()
        self._master = self._slave = -1
        self._running = True
        self._plugged = threading.Event()
        self.link = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    # --- from the test

    def start(self):
        self._thread.start()
        self.plug()
        return self

    def close(self):
        self._call(self._unplug)
        self._running = False
        os.write(self._wake_w, b"x")
        self._thread.join()
        os.close(self._wake_r)
        os.close(self._wake_w)

    def plug(self):
        self._call(self._plug)

    def unplug(self):
        self._call(self._unplug)

    def restart(self):
        """Forget the session as a power cut does; the events stay."""
        self._call(self._new_link)

    def rate(self, level=5, invite=None):
        """Seal what a press of a level seals, for the open invite or a given one."""
        self._call(lambda: self._rate(level, invite))

    def end(self, kind):
        """End the open invite without a rating, as a timeout or a citizen's key does."""
        self._call(lambda: (self._seal(kind, self.open_invite, {}), self._end("unrated")))

    def seal(self, kind, fields=None, invite=None):
        self._call(lambda: self._seal(kind, invite, fields or {}))

    def add_raw(self, data):
        """Put bytes into the outbox that are no event."""
        self._call(lambda: self._append(data))

    def flood(self, count):
        """Put many events into the outbox at once."""
        self._call(lambda: [self._seal(rating.MARK, None, {}) for _ in range(count)])

    def make_noise(self, data):
        """Put bytes on the line beside what the link sends."""
        self._call(lambda: self._write(data))

    def show(self, state, detail=None):
        """Say that the screen shows a state."""
        self._call(lambda: self.link.state(state, self.open_invite, detail or {}))

    def acked(self):
        return self.outbox.first_unacked - 1

    # --- in the thread

    def _call(self, work):
        done, failed = threading.Event(), []

        def job():
            try:
                work()
            except Exception as error:  # noqa: BLE001, handed to the test
                failed.append(error)
            finally:
                done.set()

        with self._lock:
            self._jobs.append(job)
        os.write(self._wake_w, b"x")
        assert done.wait(60), "the fake terminal hangs"
        if failed:
            raise failed[0]

    def _run(self):
        while self._running:
            deadline = self.link.deadline_ms() if self.link else None
            wait_s = 1.0 if deadline is None else max(0.0, (deadline - _now_ms()) / 1000)
            readers = [self._wake_r] + ([self._master] if self._master >= 0 else [])
            ready, _, _ = select.select(readers, [], [], min(wait_s, 1.0))
            if self._wake_r in ready:
                os.read(self._wake_r, 4096)
            with self._lock:
                jobs, self._jobs = self._jobs, []
            for job in jobs:
                job()
            if self._master >= 0 and self._master in ready:
                self._read()
            if self.link:
                self._handle(self.link.tick(_now_ms()))
                self._send()

    def _read(self):
        try:
            data = os.read(self._master, 65536)
        except (BlockingIOError, OSError):
            return
        if not self.silent:
            self._handle(self.link.receive(data, _now_ms()))

    def _send(self):
        while self._master >= 0 and not self.silent:
            data = self.link.take_output(2048, _now_ms())
            if not data or not self._write(data):
                return

    def _write(self, data):
        """Say whether the line took it; what nobody reads is lost, as on a true one."""
        while data:
            _, writable, _ = select.select([], [self._master], [], 1.0)
            if not writable:
                return False
            data = data[os.write(self._master, data) :]
        return True

    def _plug(self):
        if self._master >= 0:
            return
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        if self.link is None:
            self._new_link()
        temporary = self.link_path + ".new"
        os.symlink(os.ttyname(self._slave), temporary)
        os.replace(temporary, self.link_path)

    def _unplug(self):
        if self._master < 0:
            return
        os.unlink(self.link_path)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def _new_link(self):
        identity = {
            "terminal": self.terminal,
            "board": "k5",
            "firmware": "0.0-test",
            "epoch": self.epoch,
            "journal_id": bytes(8),
            "caps": [],
            "tagver": None,
            "assets": {},
            **self.extra_identity,
        }
        self.link = TerminalLink(identity, self.outbox, _now_ms())
        self.link.set_status(
            lambda: {
                "state": "idle",
                "queue": len(self.outbox.events) - self.acked(),
                "utc_ms": time.time_ns() // 1_000_000,
                "tq": 3,
                "up_ms": _now_ms(),
            }
        )
        self.link.state("no_clerk", None, {})

    def _handle(self, events):
        for event in events:
            if event[0] == "request":
                _, type_, id_, fields = event
                self.requests.append((type_, fields))
                reason = self.answers.get(type_)
                if self.lose_replies:
                    self._do(type_, fields)
                    continue
                self.link.reply(id_, self._do(type_, fields) if reason is None else reason)

    def _do(self, type_, fields):
        if type_ == messages.CLERK:
            self.clerk = fields["clerk"]
            self._show("idle" if self.clerk else "no_clerk")
        elif type_ == messages.PAUSE:
            self.paused = fields["paused"]
            self._show("paused" if self.paused else "idle" if self.clerk else "no_clerk")
        elif type_ == messages.SERVE:
            self._show("serving")
        elif type_ == messages.INVITE:
            return self._invite(fields)
        elif type_ == messages.CANCEL:
            return self._cancel(fields["invite"])
        return reasons.OK

    def _invite(self, fields):
        invite = fields["invite"]
        if invite in self.ended:
            return reasons.INVITE_ENDED
        if self.paused:
            return reasons.PAUSED
        if self.open_invite not in (None, invite):
            return reasons.INVITE_OPEN
        self.open_invite = invite
        self._show("invited")
        return reasons.OK

    def _cancel(self, invite):
        if invite in self.ended:
            return reasons.RATED
        if self.open_invite != invite:
            return reasons.NO_INVITE
        self._seal(rating.CANCELLED, invite, {})
        self._end("idle")
        return reasons.OK

    def _rate(self, level, invite):
        invite = invite or self.open_invite
        assert invite is not None, "no invite is open"
        self._seal(rating.RATED, invite, {6: level})
        self.open_invite = invite
        self._end("thanks")

    def _end(self, state):
        self.ended.add(self.open_invite)
        self.open_invite = None
        self._show(state)

    def _show(self, state):
        self.link.state(state, self.open_invite, {})

    def _seal(self, kind, invite, fields):
        seq = len(self.outbox.events) + 1
        event = self._sealer.seal(kind, invite, 1, seq, {4: _now_ms(), 5: self._prev, **fields})
        self._prev = evidence.prev_hash(event)
        self._append(event)

    def _append(self, event):
        self.outbox.events.append(event)
        self.outbox.born_ms.append(_now_ms())
        if self.link:
            self.link.event_added(_now_ms())


def _now_ms():
    return time.monotonic_ns() // 1_000_000
