"""Citizens who do not exist: whoever is planted somewhere can be named when found."""

_FAMILY = "欧阳赫连慕容澹台"
_GIVEN = "婧涵翊旸晗霏璟瑜祎昕钰宸"


class People:
    """Make citizens, no two alike, and remember every value of them."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._count = 0

    def one(self, where: str) -> dict[str, str]:
        """Return the identity of a new citizen; `where` says in which request it is planted."""
        self._count += 1
        number = self._count
        family = _FAMILY[number % 4 * 2 :][:2]
        given = _GIVEN[number // 4 % 12] + chr(0x7280 + number)
        person = {
            "user_name": family + given,
            "user_prop": "1",
            "certkey_gov": f"3301021990{number:02d}{number * 7919 % 1_000_000:06d}",
            "mobile": f"139{57_100_000 + number * 7919}",
        }
        for key in ("user_name", "certkey_gov", "mobile"):
            self.values[f"{key} of {where} ({number})"] = person[key]
        return person
