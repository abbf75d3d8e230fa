"""The paper form of one service: A4, to be printed in black, nothing chosen beforehand, all five levels alike.

Articles 13 and 26: who cannot or will not use a screen rates on paper; the form is dropped into a box unseen, and
entered by two supervisors at the city.
"""

import attrs

from host_agent.paper.page import Page
from protocol import indicators, rating

_LEFT, _RIGHT = 18.0, 192.0
_CODE_MM = 46.0
_LEVEL_HIGH = 17.0
_TAG, _ROW = 2.9, 4.4
# (from the left, wide, levels), mm: the longest tags in the widest column
_TAG_COLUMNS = ((0.0, 48.0, (5, 4)), (50.0, 57.0, (3, 1)), (109.0, 65.0, (2,)))


@attrs.frozen(kw_only=True)
class FormContent:
    """What stands on a form; texts that are not known are empty lines to fill in."""

    centre: str
    window: str
    clerk: str
    address: str | None  # of the QR code; None: a form without code
    number: str  # by which the city finds the service
    project_no: str = ""
    task_name: str = ""
    ticket: str = ""
    date: str = ""


def form(content: FormContent) -> bytes:
    """Return the form as PDF; the same content gives the same bytes.

    :raises UserError: the extra `paper` is not installed.
    """
    page = Page("A4", "政务服务评价表")
    page.text(page.width / 2, 14, 8, "政务服务评价表", "C")
    page.text(page.width / 2, 25, 4, "一次服务一次评价；请独立填写，填好后对折投入评价箱，不要交给窗口人员", "C")
    y = _case(page, content, 34)
    y = _levels(page, y + 4)
    y = _tags(page, y + 5)
    _words(page, y + 4)
    page.text(_LEFT, 285, 3, f"编号 {content.number}", shade=80)
    page.text(_RIGHT, 285, 3, "评价自愿，不影响您的办事；姓名和电话可以不填", "R", 80)
    return page.pdf()


def _case(page: Page, content: FormContent, y: float) -> float:
    """Write what the form is about, beside the code; return where that ends."""
    room = _RIGHT - _LEFT - _CODE_MM - 6 if content.address else _RIGHT - _LEFT
    rows = (
        ("服务中心", content.centre),
        ("窗口", content.window),
        ("窗口人员", content.clerk),
        ("事项", content.task_name),
        ("办件编号", content.project_no),
        ("排队号", content.ticket),
        ("日期", content.date),
    )
    for index, (name, value) in enumerate(rows):
        top = y + index * 7.2
        page.text(_LEFT, top, 4.2, name, shade=60)
        page.text(_LEFT + 24, top, 4.2, page.fitting(4.2, value, room - 26))
        page.line(_LEFT + 23, top + 5.6, _LEFT + room, 150)
    if content.address:
        page.code(_RIGHT - _CODE_MM, y - 2, _CODE_MM, content.address)
        page.text(_RIGHT - _CODE_MM / 2, y + _CODE_MM - 3, 3.6, "也可扫码在手机上评价", "C")
    return y + len(rows) * 7.2


def _levels(page: Page, y: float) -> float:
    """Draw the three questions with five equal boxes each; return where they end."""
    page.text(_LEFT, y, 4.6, "请在方框内打勾，每行只选一个")
    y += 8
    column = (_RIGHT - _LEFT - 30) / 5
    for key, level in enumerate(rating.LEVELS):
        middle = _LEFT + 30 + column * (key + 0.5)
        page.text(middle, y, 4.2, rating.LEVEL_TEXT_ZH[level], "C")
    y += 7
    for name, note in (("总体评价", ""), ("业务评价", "可不填"), ("服务评价", "可不填")):
        page.box(_LEFT, y, _RIGHT - _LEFT, _LEVEL_HIGH - 4)
        page.text(_LEFT + 3, y + (2.2 if note else 4.2), 4.4, name)
        if note:
            page.text(_LEFT + 3, y + 8, 3, note, shade=80)
        for key in range(5):
            page.box(_LEFT + 30 + column * (key + 0.5) - 4, y + 2.5, 8, 8, 0.5)
        y += _LEVEL_HIGH - 4
    return y


def _tags(page: Page, y: float) -> float:
    """Write the tags of all levels, each with a small box; return where they end."""
    page.text(_LEFT, y, 4.6, "具体感受（可多选，可不填）")
    y += 7.5
    table = [row for row in indicators.tag_table(indicators.load()) if not row[3]]
    lowest = y
    for left, room, levels in _TAG_COLUMNS:
        top = y
        for level in levels:
            page.text(_LEFT + left, top, 3.4, rating.LEVEL_TEXT_ZH[level], shade=60)
            top += _ROW
            for code, text in ((row[0], row[4]) for row in table if rating.tag_level(row[0]) == level):
                page.box(_LEFT + left, top + 0.4, 2.8, 2.8, 0.25)
                page.text(_LEFT + left + 4.2, top, _TAG, page.fitting(_TAG, f"{code} {text}", room - 4.2))
                top += _ROW
            top += 1.5
        lowest = max(lowest, top)
    return lowest


def _words(page: Page, y: float) -> None:
    """Draw the lines for a text of the citizen's own, and for name and telephone."""
    page.text(_LEFT, y, 4.6, "您的意见和建议")
    for index in range(2):
        page.line(_LEFT, y + 13 + index * 8, _RIGHT, 150)
    foot = y + 26
    page.text(_LEFT, foot, 4, "姓名（选填）")
    page.line(_LEFT + 26, foot + 5, _LEFT + 80, 150)
    page.text(_LEFT + 88, foot, 4, "电话（选填）")
    page.line(_LEFT + 114, foot + 5, _RIGHT, 150)
