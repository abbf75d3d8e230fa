"""Put the regulation's tags into the citizen's language; in memory only while a page of them opens."""

from ui import strings


def worded(rows: list, language: str) -> list:
    """Return tags [(code, text)] in a language where they are the regulation's; a break says where a line may end."""
    own = _load(strings.DEFAULT)
    there = own if language == strings.DEFAULT else _load(language)
    return [(code, there[code] if own.get(code, "").replace("\n", "") == text else text) for code, text in rows]


def _load(language: str) -> dict:
    """Return the texts of the regulation's tags by code."""
    if language == "en":
        from ui import tags_en as found
    elif language == "ko":
        from ui import tags_ko as found
    else:
        from ui import tags_zh as found
    return strings.taken(found)
