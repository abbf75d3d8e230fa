"""The indicator table of the regulation, read from indicators.json beside this file. For the host only."""

import json
from pathlib import Path

from protocol import rating

_PATH = Path(__file__).with_name("indicators.json")
_DIMENSIONS = {"business": rating.BUSINESS, "service": rating.SERVICE}


def load(path: Path = _PATH) -> dict:
    """Return the tables as written: levels, indicators, channels."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def tag_table(tables: dict) -> list[tuple[int, int, bool, bool, str]]:
    """Return the tag table's rows (code, dimension, core, retired, text), in the order shown."""
    return [
        (row["code"], _DIMENSIONS[row["dimension"]], row["core"], row["retired"], row["text"])
        for row in tables["indicators"]
    ]
