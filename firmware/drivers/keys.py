"""Keys and other contacts to ground: an interrupt at both edges, then sampling until the contact is quiet.

What is decided here: that a contact closed or opened, and at which edge. A closing counts at its first edge once a
sample CONFIRM_MS or more later finds it closed; a spike that no sample within SPIKE_MS confirms is nothing. An opening
counts after RELEASE_MS without an edge. Changes are told in the order of their edges, however late the task comes: of
two keys the one pressed last must count. What it means (two keys at once, held, stuck, guard times) is the session's.
"""

import time

from micropython import const

SAMPLE_MS = 4
_CONFIRM_MS = const(4)
_SPIKE_MS = const(20)
_RELEASE_MS = const(20)


class _Contact:
    """One pin and its number. `edge_ticks` is the first unserved edge, or the last one while the contact opens.

    `changed` says that `closed` was judged anew, by the edge at `changed_ticks`, and not told yet.
    """

    def __init__(self, number: int, pin: object, flag: object) -> None:
        self.number = number
        self.pin = pin
        self.flag = flag
        self.edge_ticks = time.ticks_ms()
        self.noted = False
        self.opening = False
        self.closed = not pin.value()
        self.changed = False
        self.changed_ticks = self.edge_ticks

    def on_edge(self, _pin: object) -> None:
        """Note the edge. Hard IRQ: no allocation."""
        if not self.noted:
            self.noted = True
            self.edge_ticks = time.ticks_ms()
        self.flag.set()


class Keys:
    """Contacts by their numbers, given as (number, pin); await `flag`, then call `scan` as `sample_ms` says.

    After `__init__` nothing here allocates. A contact already closed at start is closed without a change being told.
    """

    def __init__(self, pins: tuple, flag: object, both_edges: int) -> None:
        self.flag = flag
        self.edge_ticks = 0
        self._contacts = tuple([_Contact(number, pin, flag) for number, pin in pins])
        for contact in self._contacts:
            contact.pin.irq(handler=contact.on_edge, trigger=both_edges, hard=True)

    def is_down(self, number: int) -> bool:
        """Return whether there is such a contact and it is closed."""
        for contact in self._contacts:
            if contact.number == number:
                return contact.closed
        return False

    def scan(self, now_ticks: int) -> int:
        """Sample the contacts; return the number of the one that changed first, its edge in `edge_ticks`, or 0."""
        found = None
        for contact in self._contacts:
            if not contact.changed:
                low = not contact.pin.value()
                if contact.closed:
                    contact.changed = self._opened(contact, low, now_ticks)
                else:
                    contact.changed = self._closed(contact, low, now_ticks)
            if contact.changed and (found is None or time.ticks_diff(contact.changed_ticks, self.edge_ticks) < 0):
                found = contact
                self.edge_ticks = contact.changed_ticks
        if found is None:
            return 0
        found.changed = False
        return found.number

    def sample_ms(self) -> int:
        """Return after how many ms `scan` has to be called again; 0 = not before `flag`."""
        for contact in self._contacts:
            if contact.noted or contact.opening:
                return SAMPLE_MS
        return 0

    def _closed(self, contact: _Contact, low: bool, now_ticks: int) -> bool:
        """Judge an open contact; true when it closed."""
        if not contact.noted:
            if low:  # an edge that no interrupt told
                contact.edge_ticks = now_ticks
                contact.noted = True
            return False
        age_ms = time.ticks_diff(now_ticks, contact.edge_ticks)
        if low and age_ms >= _CONFIRM_MS:
            contact.changed_ticks = contact.edge_ticks
            contact.closed = True
            contact.noted = False
            return True
        if age_ms > _SPIKE_MS:
            contact.noted = False
        return False

    def _opened(self, contact: _Contact, low: bool, now_ticks: int) -> bool:
        """Judge a closed contact; true when it opened."""
        if low:
            contact.opening = contact.noted = False
            return False
        if contact.noted or not contact.opening:
            if not contact.noted:
                contact.edge_ticks = now_ticks
            contact.opening = True
            contact.noted = False
        if time.ticks_diff(now_ticks, contact.edge_ticks) < _RELEASE_MS:
            return False
        contact.changed_ticks = contact.edge_ticks
        contact.opening = contact.closed = False
        return True
