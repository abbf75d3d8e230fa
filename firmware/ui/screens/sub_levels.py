"""BUSINESS and SERVICE: the level of the matter and of the service, after the overall one; both may be skipped."""

from ui.screens import parts, please_rate


def business(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions of the question after the matter."""
    return _regions(view, now_ms, linked, "business", "business_how")


def service(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions of the question after the service."""
    return _regions(view, now_ms, linked, "service", "service_how")


def _regions(view: dict, now_ms: int, linked: bool, title: str, how: str) -> list:
    left = parts.seconds_left(view["until_ms"], now_ms)
    return [
        parts.band(title, linked),
        please_rate.how_region(how, "sub_skip"),
        please_rate.clock_region(left, True),
    ] + parts.MARKS
