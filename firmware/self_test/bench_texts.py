"""What the bench's screens say, to the technician who puts a terminal into service. In Chinese only.

The glyph packs are built from this file, too: host_agent/content/glyph_sets.py says which text has which size.
"""

from protocol import self_test_parts as parts

# In the order of the result's rows.
NAMES = (
    (parts.NOR, "存储芯片"),
    (parts.READ_BACK, "存储读写"),
    (parts.RTC, "时钟芯片"),
    (parts.TICKING, "时钟走时"),
    (parts.TOUCH, "触摸屏"),
    (parts.VOICE, "语音"),
    (parts.MEMORY, "内存"),
    (parts.FILES, "文件空间"),
    (parts.KEYS, "按键"),
    (parts.LAMPS, "按键灯"),
    (parts.CASE, "机壳开关"),
    (parts.LCD, "显示屏"),
    (parts.LIGHT, "背光"),
    (parts.BUZZER, "蜂鸣器"),
)
PASSED, FAILED, ABSENT, WAITING = "正常", "故障", "无", "待测"

TITLE = "自检"
RUNNING = "正在检测，请勿触碰"
ALL_WELL = "自检通过"
SOME_FAILED = "自检未通过"

PRESS_KEY = ("一号键", "二号键", "三号键", "四号键", "五号键", "功能键", "窗口键或脚踏")
PRESS_ONE = "请按"
WRONG_KEY = "收到的是"
OPEN_CASE = "请打开机壳"
SHUT_CASE = "请合上机壳"
TOUCH_ALL = "请逐个触摸方格"

ASK_LAMPS = "按哪个键，哪个灯亮了吗"
ASK_PATTERN = "颜色与边框完整吗"
ASK_LIGHT = "屏幕刚才明暗变化了吗"
ASK_BUZZER = "听到蜂鸣声了吗"
ASK_VOICE = "听到语音了吗"
ANSWER_KEYS = "是：一号键    否：五号键"
YES, NO = "是", "否"
