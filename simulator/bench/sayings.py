"""What the bench says in words: one Chinese sentence for each thing that happens, for the log line and the summary."""

DOWN = {
    "cable": "数据线已拔下：按键照常有效，评价先存在终端里",
    "power": "终端已断电：已响过提示音的评价都存在芯片里，一条不丢",
    "broker": "消息服务器已停：窗口电脑继续收存评价",
}
BACK = {
    "cable": "数据线已接上：终端把存着的评价送给窗口电脑",
    "power": "终端已上电：正在启动",
    "broker": "消息服务器已恢复：积存的评价正在送出",
}
FAILED = "没有做成：{error}"
HEARD = "已按键：评价已在终端存妥，提示音响过"
INVITED = "已邀请评价，等待按键"
TERMINAL_LOST = "窗口电脑与终端失去联系"
TERMINAL_FOUND = "窗口电脑已连上终端"
AGENT_LOST = "窗口电脑的程序没有应答"
AGENT_FOUND = "窗口电脑的程序已应答"
RECEIVED = {
    "rated": "市级系统收到一条评价，已核验",
    "timed_out": "市级系统收到：本次未评价（超时）",
    "declined": "市级系统收到：本次未评价（评价人选择不评价）",
    "cancelled": "市级系统收到：邀请已取消",
    "interrupted": "市级系统收到：评价被断电打断",
}

OK, WAITS, BAD = "ok", "waits", "bad"


def summary_of(counts: dict[str, int], down: list[str]) -> dict[str, str]:
    """Return the one sentence at the foot of the page and its tone."""
    pending = counts["pressed"] - counts["receipted"]
    if pending <= 0 and not down:
        text = f"{counts['receipted']} 次按键全部送达并回执" if counts["pressed"] else "一切就绪，可以邀请评价"
        return {"text": text, "tone": OK}
    names = {
        "cable": "数据线已拔",
        "power": "终端断电",
        "broker": "消息服务器已停",
        "agent": "窗口电脑无应答",
        "city": "市级系统无应答",
    }
    reasons = "、".join(names[name] for name in down)
    if pending <= 0:
        return {"text": reasons, "tone": BAD}
    return {"text": f"{pending} 次按键在路上" + (f"（{reasons}）" if reasons else ""), "tone": WAITS}
