"""A terminal provisioned with reveal_level: says so in its caps, and tells the last rating when it is asked."""

from protocol import content, messages, rating, reasons
from tests.unit.fake_terminal import FakeTerminal


class RevealingTerminal(FakeTerminal):
    """Answer QUERY as the firmware does."""

    def __init__(self, link_path, terminal):
        super().__init__(link_path, terminal)
        self.extra_identity = {"caps": [content.CAP_REVEAL]}
        self.rated = None

    def press(self, level, tags=(), final=True):
        """Rate the open invite; with `final` false the citizen may still change it until `settle`."""

        def work():
            self.rated = {"invite": self.open_invite, "level": level, "tags": list(tags), "final": final}
            self._rate(level, None)

        self._call(work)

    def settle(self):
        self._call(lambda: self.rated.update(final=True))

    def _handle(self, events):
        for event in events:
            if event[0] == "request" and event[1] == messages.QUERY:
                self.requests.append((event[1], event[3]))
                self.link.reply(event[2], reasons.OK, {"state": "idle", "rated": self.rated} if self.rated else {})
            else:
                super()._handle([event])


def end(terminal, kind):
    """Seal an end without rating of the open invite, as a terminal does."""

    def work():
        terminal._seal(kind, terminal.open_invite, {})
        terminal._end("idle")

    assert kind != rating.RATED
    terminal._call(work)
