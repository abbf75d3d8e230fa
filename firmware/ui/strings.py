"""Every text that a citizen reads, by id, for each language; and the glyph size of each.

The glyph packs are built from these tables (`yiping glyphs build` reads the literals below), so a text that is not
here cannot be drawn. A line break is written where it belongs; lines of one text stay together on the screen.
"""

TINY = 18  # px
SMALL = 20
MIDDLE = 28
LARGE = 40

DEFAULT = "zh"

TEXTS = {
    "zh": {
        "invite_title": "请您对本次服务进行评价",
        "invite_how": "请按下方对应的按键",
        "invite_decline": "也可按「不评价」键",
        "seconds": "秒",
        "mark_5": "非常\n满意",
        "mark_4": "满意",
        "mark_3": "基本\n满意",
        "mark_2": "不满意",
        "mark_1": "非常\n不满意",
        "level_5": "非常满意",
        "level_4": "满意",
        "level_3": "基本满意",
        "level_2": "不满意",
        "level_1": "非常不满意",
        "chosen_hidden": "评价已保存",
        "chosen_change": "秒内按其他键可更改",
        "thanks": "谢谢您的评价",
        "thanks_note": "您的评价将送达监管部门",
        "declined": "您已选择不评价",
        "declined_note": "感谢您的光临",
        "unrated": "本次服务未评价",
        "unrated_code": "可在 7 日内\n扫码补充评价",
        "unrated_no_code": "可在 7 日内扫描机身\n二维码补充评价",
        "not_invited": "请等待邀请，或扫码评价",
        "not_invited_code": "请等窗口邀请\n后再按键评价",
        "scan_code": "请用手机\n扫码评价",
        "scan_no_code": "请扫描机身上的\n二维码评价",
        "paused": "暂停服务",
        "fault_note": "设备故障\n请联系管理员",
        "full_note": "存储已满\n请联系管理员",
        "code": "代码",
        "closed": "窗口未开放",
        "closed_note": "请稍候",
        "number": "工号",
        "welcome": "很高兴为您服务",
        "serving": "正在为您服务",
        "ticket": "票号",
    },
}

SIZES = {
    "mark_5": TINY,
    "mark_4": TINY,
    "mark_3": TINY,
    "mark_2": TINY,
    "mark_1": TINY,
    "invite_title": MIDDLE,
    "level_5": LARGE,
    "level_4": LARGE,
    "level_3": LARGE,
    "level_2": LARGE,
    "level_1": LARGE,
    "chosen_hidden": LARGE,
    "thanks": LARGE,
    "declined": LARGE,
    "unrated": MIDDLE,
    "unrated_no_code": MIDDLE,
    "not_invited": MIDDLE,
    "scan_no_code": MIDDLE,
    "paused": MIDDLE,
    "closed": MIDDLE,
    "closed_note": LARGE,
    "welcome": MIDDLE,
    "serving": MIDDLE,
    "ticket": MIDDLE,
}


class Strings:
    """Give texts in one language."""

    def __init__(self, language: str = DEFAULT) -> None:
        self.language = language

    def __getitem__(self, text_id: str) -> str:
        return TEXTS[self.language][text_id]
