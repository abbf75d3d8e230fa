"""The sign of a window: a code that leads to its own page, for windows without terminal and for the housings."""

from host_agent.paper.page import Page
from protocol import rating

SHEETS = ("A4", "A5")


def sign(sheet: str, centre: str, window: str, address: str) -> bytes:
    """Return the sign as PDF; the same content gives the same bytes.

    :raises UserError: the extra `paper` is not installed.
    """
    page = Page(sheet, f"{centre} {window}")
    unit, middle = page.width / 210, page.width / 2
    page.text(middle, 22 * unit, 9 * unit, page.fitting(9 * unit, centre, 180 * unit), "C")
    page.text(middle, 38 * unit, 18 * unit, page.fitting(18 * unit, window, 180 * unit), "C")
    side = 120 * unit
    page.code(middle - side / 2, 68 * unit, side, address)
    page.text(middle, 192 * unit, 13 * unit, "请扫码评价本窗口的服务", "C")
    page.text(middle, 214 * unit, 7 * unit, "  ".join(rating.LEVEL_TEXT_ZH[level] for level in rating.LEVELS), "C")
    page.text(middle, 232 * unit, 5.5 * unit, "一次服务一次评价，评价自愿；窗口人员看不到您的选择", "C", 60)
    page.text(middle, 243 * unit, 5.5 * unit, "没有手机？请向窗口要一张纸质评价表", "C", 60)
    return page.pdf()
