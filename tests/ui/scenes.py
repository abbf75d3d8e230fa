"""Every screen worth a picture: name → (state, view, link there). Plain data for both interpreters."""

CLERK = {"number": "3017", "name": "欧阳晓静", "post": "综合受理窗口", "stars": 4}
WITH_CARD = dict(CLERK, number="card")
WITH_PHOTO = dict(CLERK, number="photo")
WITH_BAD_CARD = dict(CLERK, number="damaged")
PLAIN = {"number": "08", "name": "李明", "post": "出生医学证明及户籍业务咨询导办岗", "stars": 5}
CODE_TEXT = "HTTPS://PJ.EXAMPLE.CN/T/7K2M9QX4"
NOTICE = "通知：11 月 28 日（星期六）上午系统升级，部分业务暂停办理，请您合理安排时间，不便之处敬请谅解。"
# Of a hall's own table: the terminal finds itself where such a text is broken.
OWN_ROWS = (
    ("自助终端不好用", False),
    ("排队叫号系统经常出现故障", True),
    ("排队时间超过三十分钟以上而且无人解释", False),
)
TAGS_A_PAGE = 3

# They show what is not the firmware's text, or nothing that another language would change.
IN_ONE_LANGUAGE = (
    "idle_offline",
    "idle_hint",
    "no_clerk_hint",
    "idle_card",
    "idle_card_damaged",
    "idle_photo",
    "serving_photo",
    "invited_offline",
    "chosen_offline",
    "tags_own",
)


def scenes(code: str) -> dict:
    """Return the scenes; `code` is CODE_TEXT as the agent sends a QR code."""
    found = {
        "no_clerk": ("no_clerk", {"notice": None}, True),
        "no_clerk_notice": ("no_clerk", {"notice": NOTICE}, True),
        "idle_hint": ("idle", {"clerk": CLERK, "ticket": None, "qr": None}, True),
        "no_clerk_hint": ("no_clerk", {"notice": None}, False),
        "idle": ("idle", {"clerk": CLERK, "ticket": None, "qr": None}, True),
        "idle_offline": ("idle", {"clerk": PLAIN, "ticket": None, "qr": None}, False),
        "idle_card": ("idle", {"clerk": WITH_CARD, "ticket": None, "qr": None}, True),
        "idle_card_damaged": ("idle", {"clerk": WITH_BAD_CARD, "ticket": None, "qr": None}, True),
        "idle_code": ("idle", {"clerk": CLERK, "ticket": None, "qr": code}, True),
        "idle_photo": ("idle", {"clerk": WITH_PHOTO, "ticket": None, "qr": None}, True),
        "serving_photo": ("serving", {"clerk": WITH_PHOTO, "ticket": "A023", "qr": None}, True),
        "serving": ("serving", {"clerk": CLERK, "ticket": "A023", "qr": None}, True),
        "invited": ("invited", {"until_ms": 58_000, "stuck": False}, True),
        "invited_offline": ("invited", {"until_ms": 120_000, "stuck": False}, False),
        "invited_stuck": ("invited", {"until_ms": 58_000, "stuck": True}, True),
        "chosen_hidden": ("chosen", {"until_ms": 3_000, "level": 0}, True),
        "chosen_offline": ("chosen", {"until_ms": 5_000, "level": 5}, False),
        "offer": ("offer", {"until_ms": 10_000}, True),
        "offer_offline": ("offer", {"until_ms": 10_000}, False),
        "business": ("business", {"until_ms": 15_000}, True),
        "service": ("service", {"until_ms": 15_000}, False),
        "tags_own": ("tags", {"until_ms": 9_000, "page": 1, "pages": 1, "rows": OWN_ROWS}, True),
        "thanks_code": ("thanks", {"declined": False, "qr": code}, True),
        "updating": ("updating", {"qr": code, "why": 0}, True),
        "updating_no_code": ("updating", {"qr": None, "why": 0}, False),
        "thanks": ("thanks", {"declined": False, "qr": None}, True),
        "thanks_offline": ("thanks", {"declined": False, "qr": None}, False),
        "declined": ("thanks", {"declined": True, "qr": None}, True),
        "unrated": ("unrated", {"qr": code}, True),
        "unrated_no_code": ("unrated", {"qr": None}, False),
        "not_invited": ("not_invited", {"qr": code, "why": 0}, True),
        "not_invited_offline": ("not_invited", {"qr": code, "why": 0}, False),
        "not_invited_no_code": ("not_invited", {"qr": None, "why": 0}, False),
        "paused": ("paused", {"qr": code, "why": 0}, True),
        "paused_no_code": ("paused", {"qr": None, "why": 0}, True),
        "full_no_code": ("full", {"qr": None, "why": 0}, True),
        "full": ("full", {"qr": code, "why": 0}, True),
        "fault": ("fault", {"qr": code, "why": 27}, True),
        "fault_no_code": ("fault", {"qr": None, "why": 21}, False),
    }
    for level in (5, 4, 3, 2, 1):
        found["chosen_" + str(level)] = ("chosen", {"until_ms": 5_000, "level": level}, True)
    return found


def tag_scenes(tags: list) -> dict:
    """Return every page of the regulation's tags, [(code, text)] in order, with another one chosen on each."""
    found = {}
    for level in (5, 4, 3, 2, 1):
        texts = [text for code, text in tags if code // 100 == level]
        pages = -(-len(texts) // TAGS_A_PAGE)
        for page in range(pages):
            shown = texts[page * TAGS_A_PAGE : (page + 1) * TAGS_A_PAGE]
            rows = tuple([(text, i == (page + level) % len(shown)) for i, text in enumerate(shown)])
            view = {"until_ms": 40_000 - 1_000 * page, "page": page + 1, "pages": pages, "rows": rows}
            found["tags_" + str(level) + "_" + str(page + 1)] = ("tags", view, True)
    return found


def bench_scenes() -> dict:
    """Return the screens of the self-test at the bench: name → (painter of self_test/bench_screens.py, its arguments).

    The texts are those of self_test/bench_texts.py, which only the firmware's side can import.
    """
    from self_test import bench_screens as screens
    from self_test import bench_texts as texts
    from ui import theme

    names = [name for _, name in texts.NAMES]
    running = tuple([(name, texts.WAITING) for name in names])
    passed = tuple([(name, texts.ABSENT if name == "触摸屏" else texts.PASSED) for name in names])
    failed = tuple([(name, texts.FAILED if name in ("时钟走时", "按键灯") else texts.PASSED) for name in names])
    return {
        "bench_running": ("paint_rows", (texts.RUNNING, theme.BAND, running)),
        "bench_passed": ("paint_rows", (texts.ALL_WELL, screens.GOOD, passed)),
        "bench_failed": ("paint_rows", (texts.SOME_FAILED, screens.BAD, failed)),
        "bench_key": ("paint_order", (texts.PRESS_ONE, texts.PRESS_KEY[1], "")),
        "bench_wrong_key": ("paint_order", (texts.PRESS_ONE, texts.PRESS_KEY[6], texts.WRONG_KEY + texts.PRESS_KEY[2])),
        "bench_case": ("paint_order", ("", texts.OPEN_CASE, "")),
        "bench_lamps": ("paint_question", (texts.ASK_LAMPS,)),
        "bench_light": ("paint_question", (texts.ASK_LIGHT,)),
        "bench_buzzer": ("paint_question", (texts.ASK_BUZZER,)),
        "bench_voice": ("paint_question", (texts.ASK_VOICE,)),
        "bench_pattern": ("paint_pattern", (texts.ASK_PATTERN,)),
        "bench_grid": ("paint_grid", (0b101,)),
    }
