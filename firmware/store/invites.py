"""The invites that this terminal knows, the newest `limit` of them: none of them is ever opened again.

Invites are numbered from 1 in the order in which they were recorded; number n has slot n mod limit, so a record that
was carried forward keeps its age. `home` is the number of the journal's sector that holds the newest record of it.
"""

from array import array

INVITE_BYTES = 16


class KnownInvites:
    """Answer `invite in known`; 24 bytes of RAM an invite."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.last = 0  # number of the newest invite, 0 before the first
        self._ids = bytearray(limit * INVITE_BYTES)
        self._numbers = array("I", [0] * limit)
        self._homes = array("I", [0] * limit)

    def __contains__(self, invite: "bytes | bytearray") -> bool:
        at = self._ids.find(invite)
        while at >= 0:
            if at % INVITE_BYTES == 0 and self._numbers[at // INVITE_BYTES]:
                return True
            at = self._ids.find(invite, at + 1)
        return False

    def add(self, number: int, invite: "bytes | bytearray | memoryview", home: int) -> None:
        """Take an invite found or recorded in sector `home`; an older one than its slot holds is dropped."""
        slot = number % self.limit
        held = self._numbers[slot]
        if number < held or (number == held and home <= self._homes[slot]):
            return
        self._numbers[slot] = number
        self._homes[slot] = home
        self._ids[slot * INVITE_BYTES : (slot + 1) * INVITE_BYTES] = invite
        if number > self.last:
            self.last = number

    def count(self) -> int:
        """Return how many invites are held."""
        return sum([1 for number in self._numbers if number])

    def oldest_home(self) -> int:
        """Return the lowest sector number that holds a record still needed, 0 when there is none."""
        homes = [home for home in self._homes if home]
        return min(homes) if homes else 0

    def carried(self, home_limit: int, most: int) -> list:
        """Return up to `most` (number, invite) whose record lies in a sector numbered at most `home_limit`."""
        found = []
        for slot in range(self.limit):
            if self._numbers[slot] and self._homes[slot] <= home_limit and len(found) < most:
                found.append((self._numbers[slot], bytes(self._ids[slot * INVITE_BYTES : (slot + 1) * INVITE_BYTES])))
        return found
