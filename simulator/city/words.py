"""Chinese words for what the city shows: levels, kinds of events, tags."""

from protocol import indicators, rating

KINDS_ZH = {
    "rated": "已评价",
    "timed_out": "未评价（超时）",
    "declined": "未评价（本人选择不评价）",
    "cancelled": "未评价（窗口撤回邀请）",
    "interrupted": "未评价（断电或升级中断）",
    "boot": "终端启动",
    "clock_set": "校准时钟",
    "fault": "终端故障",
    "uninvited": "无邀请时的按键",
    "self_test": "每日自检",
    "paused": "暂停服务",
    "resumed": "恢复服务",
    "mark": "整点报到",
    "maintenance": "维护开锁",
    "case_opened": "机壳被打开",
    "last_of_epoch": "本期密钥的最后一条",
}


def words() -> dict[str, dict[str, str]]:
    """Return level, kind and tag texts by code, as the page wants them."""
    tags = {str(row["code"]): row["text"] for row in indicators.load()["indicators"]}
    levels = {str(code): text for code, text in rating.LEVEL_TEXT_ZH.items()}
    return {"levels": levels, "kinds": KINDS_ZH, "tags": tags}
