"""Let who has rated say more: the offer, the business and the service level, the tags. Handlers of session.py.

    CHOSEN ─ expiry ─▶ OFFER ─ function ─▶ BUSINESS ─▶ SERVICE ─▶ TAGS ─ function or expiry ─▶ THANKS
                         └─ expiry ─▶ IDLE     └─ expiry ─▶ THANKS
All of it is optional and the same after every level. Each press seals the rating anew with all that is known by then,
so that nothing is lost wherever it ends; what the agent sends ends it and keeps what was pressed.

A tag table has `version` (4 bytes, or None without a table) and `rows(overall, business, service, language)`, which
returns [(code, text)] in the order to be shown.
"""

from app import fields, states
from app.requests import Requests
from protocol import codes

CHANGES_MAX = 8  # rated events of one invite: the journal keeps room for so many
ROWS = 3  # tags on a page, one for each of the keys 1 to 3
MORE = 4  # the key that turns the page
TAGS_MAX = 8


class Details(Requests):
    """Hold what was said beyond the overall level."""

    def __init__(self, policy: object, known: object, now_ms: int, tags: object | None) -> None:
        super().__init__(policy, known, now_ms)
        self._table = tags
        self._forget_details()

    def _forget_details(self) -> None:
        self._business = self._service = 0
        self._rows = ()
        self._chosen = []
        self._page = 0

    def _after_choice(self, now_ms: int) -> None:
        """Go on from the overall level as the policy says."""
        self._keep_code(now_ms)
        detail = self.policy["detail"]
        if detail == "ask":
            self._enter(states.OFFER, now_ms, "offer_ms")
        elif detail == "auto":
            self._enter(states.BUSINESS, now_ms, "sub_ms")
            return
        else:
            self._enter(states.THANKS, now_ms, "thanks_ms")
        self._say("thanks")

    def _detail_expired(self, now_ms: int) -> None:
        """Leave a state of the optional part whose time is over."""
        if self.state == states.OFFER:
            self._rest(now_ms)
        elif self.state == states.SERVICE:
            self._go_on(now_ms)
        else:
            self._enter(states.THANKS, now_ms, "thanks_ms")

    def _go_on(self, now_ms: int) -> None:
        """Take the function control, or an answer: on to the next page."""
        if self.state == states.OFFER:
            self._enter(states.BUSINESS, now_ms, "sub_ms")
        elif self.state == states.BUSINESS:
            self._enter(states.SERVICE, now_ms, "sub_ms")
        elif self.state == states.SERVICE and self._open_tags():
            self._enter(states.TAGS, now_ms, "tags_ms")
        else:
            self._rows = ()
            self._keep_code(now_ms)
            self._enter(states.THANKS, now_ms, "thanks_ms")

    def _open_tags(self) -> bool:
        """Fetch the tags that explain these levels; False when there are none or nothing more would be kept."""
        if self._table is None or self._table.version is None or self._changes >= CHANGES_MAX:
            return False
        self._rows = self._table.rows(self._level, self._business or None, self._service or None, self._language)
        return bool(self._rows)

    def _detail_pressed(self, key: int, at_ms: int, now_ms: int) -> None:
        """Take a level key in the optional part."""
        if self.state == states.OFFER or self._guarded(at_ms):
            return
        if self.state == states.TAGS:
            self._tag_pressed(key, at_ms)
        elif self._changes < CHANGES_MAX:
            if self.state == states.BUSINESS:
                self._business = codes.level_of_key(key)
            else:
                self._service = codes.level_of_key(key)
            self._seal_rating()
            self._go_on(now_ms)

    def _tag_pressed(self, key: int, at_ms: int) -> None:
        """Choose a tag, take it back, or turn the page."""
        index = self._page * ROWS + key - 1
        if key == MORE and len(self._rows) > ROWS:
            self._page = (self._page + 1) % self._pages()
        elif key <= ROWS and index < len(self._rows) and self._changes < CHANGES_MAX:
            code = self._rows[index][0]
            if code in self._chosen:
                self._chosen.remove(code)
            elif len(self._chosen) < TAGS_MAX:
                self._chosen.append(code)
            else:
                return
            self._seal_rating()
        else:
            return
        self._until = at_ms + self.policy.ms("tags_ms")
        self._light()
        self._show()

    def _seal_rating(self) -> None:
        """Seal the rating with all that is known of it, then let it be heard."""
        self._changes += 1
        values = {fields.LEVEL: self._level, fields.DWELL: self._dwell}
        if self._business:
            values[fields.BIZ] = self._business
        if self._service:
            values[fields.SVC] = self._service
        if self._chosen:
            values[fields.TAGS] = sorted(self._chosen)
            values[fields.TAGVER] = self._table.version
        self._seal(codes.RATED, values)
        self._out.append(("tone", "press"))

    def _pages(self) -> int:
        return (len(self._rows) + ROWS - 1) // ROWS

    def _usable(self) -> int:
        """Return the lamps of the keys that count, bit 0 for key 1; the same ones for every level."""
        if self.state in states.OPEN:
            return states.ALL_KEYS
        locked = self._changes >= CHANGES_MAX
        if self.state in states.SUB and not locked:
            return states.ALL_KEYS
        if self.state != states.TAGS:
            return 0
        shown = 0 if locked else min(ROWS, len(self._rows) - self._page * ROWS)
        return (1 << shown) - 1 | (1 << MORE - 1 if len(self._rows) > ROWS else 0)

    def _detail_view(self) -> dict:
        """Return what the screens of the optional part need to know."""
        view = {"until_ms": self._until}
        if self.state == states.TAGS:
            first = self._page * ROWS
            view["rows"] = tuple([(text, code in self._chosen) for code, text in self._rows[first : first + ROWS]])
            view["page"], view["pages"] = self._page + 1, self._pages()
        return view
