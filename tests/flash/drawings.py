"""Simple drawings for docs/zh/flash.md as SVG: the button, the jumper, the label. Not to scale."""

from collections.abc import Callable

import segno

from host_agent.provision.identity import terminal_id

WIDE, HIGH = 640, 300
_STYLE = "text{font:20px noto,sans-serif;fill:#222}.s{font-size:15px;fill:#555}.b{font-size:26px;font-weight:bold}"
_BOARD, _DARK, _METAL, _GOLD, _RED = "#2e7d5b", "#222", "#b9bec4", "#d9b650", "#d03030"
_LEFT, _TOP, _LONG, _BROAD = 220, 100, 320, 132  # the Pico on the page, its USB plug to the left
_PITCH = 15.2


def bootsel() -> str:
    """Draw the button that is held while the cable goes in."""
    x, y = _LEFT + 66, _TOP + 40
    hand = f'<path d="M{x} 36 v40" {_arrow()}/><text x="{x - 92}" y="28" class="b">① 按住 BOOTSEL</text>'
    cable = f'<text x="14" y="{_TOP + 20}" class="b">② 插线</text>'
    after = f'<text x="{_LEFT}" y="276">③ 电脑上出现 RPI-RP2 或 RP2350 盘后松开</text>'
    return _page(_cable(moving=True), _pico(), _ring(x, y, 22), hand, cable, after)


def jumper() -> str:
    """Draw where the maintenance jumper sits: pins 33 and 34, GND and GP28."""
    x33, x34 = _pin(33)[0], _pin(34)[0]
    y = _TOP
    cap = f'<rect x="{x34 - 8}" y="{y - 14}" width="{x33 - x34 + 16}" height="30" rx="4" fill="#1a4fc4"/>'
    names = (
        f'<path d="M{(x33 + x34) / 2} 52 v28" {_arrow()}/>'
        f'<text x="{x34 - 70}" y="36" class="b">维护跳线 J2</text>'
        f'<text x="{x34 + 84}" y="36" class="s">34 脚 GP28 与 33 脚 GND 相连</text>'
    )
    steps = f'<text x="{_LEFT - 200}" y="276">断电 → 开盖，插上跳线 → 插 USB 线；完成后取下跳线再合盖</text>'
    return _page(_cable(), _pico(), cap, names, steps)


def label() -> str:
    """Draw the housing with its label."""
    terminal = terminal_id(1)
    case = f'<rect x="60" y="40" width="300" height="180" rx="14" fill="#e8eaed" stroke="{_DARK}" stroke-width="2"/>'
    foot = '<rect x="150" y="220" width="120" height="14" fill="#c5c9ce"/>'
    rim = f'<path d="M210 234 C210 262 130 250 60 262" fill="none" stroke="{_DARK}" stroke-width="5"/>'
    code = "".join(
        f'<rect x="{122 + 3 * c}" y="{93 + 3 * r}" width="3" height="3"/>'
        for r, row in enumerate(segno.make(terminal, error="m", micro=False, boost_error=False).matrix)
        for c, dark in enumerate(row)
        if dark
    )
    tag = (
        f'<rect x="116" y="84" width="188" height="80" fill="#fff" stroke="{_RED}" stroke-width="3"/>{code}'
        f'<text x="194" y="114" style="font-size:17px">{terminal}</text><text x="194" y="138">1号窗口</text>'
        '<text x="194" y="156" class="s">滨海中心</text>'
    )
    words = (
        '<text x="378" y="90" class="b">贴在外壳背面</text><text x="378" y="124">标签编号与电脑上</text>'
        '<text x="378" y="150">“✓ unplug”后的编号一致</text><text x="378" y="186" class="s">先贴标签，再拔下一块</text>'
        '<text x="378" y="208" class="s">外壳擦干净，不要盖住螺丝</text>'
    )
    return _page(case, foot, rim, tag, words)


ALL: dict[str, Callable[[], str]] = {"flash-bootsel": bootsel, "flash-jumper": jumper, "flash-label": label}


def _page(*parts: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}">'
    ends = (
        '<defs><marker id="a" markerWidth="8" markerHeight="8" refX="5" refY="4" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{_RED}"/></marker></defs>'
    )
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f"{head}<style>{_STYLE}</style>{ends}{ground}{''.join(parts)}</svg>"


def _arrow() -> str:
    return f'fill="none" stroke="{_RED}" stroke-width="4" marker-end="url(#a)"'


def _ring(x: float, y: float, r: float) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="none" stroke="{_RED}" stroke-width="4"/>'


def _pin(number: int) -> tuple[float, float]:
    """Return where a pin is: 1 to 20 below from the plug on, 21 to 40 above and back, as on the Pico lying so."""
    below = number <= 20
    at = number - 1 if below else 40 - number
    return _LEFT + 15 + at * _PITCH, _TOP + (_BROAD - 6 if below else 6)


def _pico() -> str:
    """Draw a Pico, its USB socket to the left."""
    pins = "".join(f'<circle cx="{x}" cy="{y}" r="4.5" fill="{_GOLD}"/>' for x, y in map(_pin, range(1, 41)))
    return (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_LONG}" height="{_BROAD}" rx="5" fill="{_BOARD}"/>{pins}'
        f'<rect x="{_LEFT - 10}" y="{_TOP + 46}" width="40" height="40" fill="{_METAL}"/>'
        f'<rect x="{_LEFT + 52}" y="{_TOP + 30}" width="28" height="20" fill="{_METAL}"/>'
        f'<circle cx="{_LEFT + 66}" cy="{_TOP + 40}" r="7" fill="#f5f5f5"/>'
        f'<rect x="{_LEFT + 150}" y="{_TOP + 44}" width="46" height="46" fill="{_DARK}"/>'
        f'<text x="{_LEFT + 214}" y="{_TOP + 74}" style="fill:#fff">Pico 2</text>'
    )


def _cable(moving: bool = False) -> str:
    gap = 60 if moving else 0
    y, right = _TOP + 66, _LEFT - 10 - gap
    move = f'<path d="M{right + 8} {y} h{gap - 22}" {_arrow()}/>' if moving else ""
    return (
        f'<path d="M0 {y} H{right - 60}" stroke="{_DARK}" stroke-width="8"/>'
        f'<rect x="{right - 64}" y="{y - 20}" width="44" height="40" rx="4" fill="{_DARK}"/>'
        f'<rect x="{right - 20}" y="{y - 14}" width="20" height="28" fill="{_METAL}"/>{move}'
    )
