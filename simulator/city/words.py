"""Chinese words for what the city shows: levels, kinds of events, tags."""

import logging
from hashlib import sha256
from pathlib import Path

from protocol import cbor, indicators, rating
from protocol.errors import CborError

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


_log = logging.getLogger(__name__)


def words(tables: Path | None = None) -> dict[str, dict]:
    """Return level, kind and tag texts by code, as the page wants them; those of a tag table by its version.

    Beside the regulation's table those in a folder are known, as `yiping tags build` writes them.
    """
    rows = indicators.tag_table(indicators.load())
    levels = {str(code): text for code, text in rating.LEVEL_TEXT_ZH.items()}
    known = {rating.table_version(rows).hex(): _texts(rows)}
    for path in sorted(tables.glob("*.cbor")) if tables is not None else ():
        try:
            data = path.read_bytes()
            rows_there = cbor.decode(data)
            if not isinstance(rows_there, list):
                raise ValueError("it is no array of rows")
            known[sha256(data).hexdigest()[:8]] = _texts(rows_there)
        except (OSError, CborError, ValueError, TypeError) as error:
            _log.warning("%s is left out: %s", path, error)
    return {"levels": levels, "kinds": KINDS_ZH, "tags": _texts(rows), "tables": known}


def _texts(rows: list) -> dict[str, str]:
    return {str(code): str(text) for code, _, _, _, text in rows}
