"""Draws docs/images/flash*: python -m tests.flash.pictures [FOLDER]. Look at them afterwards.

The table of `yiping flash` as its own code draws it, from news as a run tells them; a label sheet; and the drawings of
docs/zh/flash.md (tests/flash/drawings.py). rich's SVG squeezes Chinese into half its width; a terminal window does not.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pypdfium2
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI

from host_agent.flash import label
from host_agent.flash.live import PlainView, TableView
from host_agent.flash.worker import Line
from host_agent.paper import page
from host_agent.provision.identity import terminal_id
from tests.browser.chromium import launched
from tests.browser.pictures import IMAGES, save
from tests.flash import drawings
from tests.flash.moments import WINDOWS, by_person, failing, finished, many, working

_HTML = (
    '<!doctype html><meta charset="utf-8"><style>@font-face{{font-family:noto;src:url("{font}")}}body{{margin:0}}'
    "</style>{svg}"
)


def table(lines: Iterable[Line], columns: int, height: int = 60) -> str:
    """Return the table after news as an SVG."""
    console = Console(record=True, file=io.StringIO(), width=columns, height=height, force_terminal=True)
    view = TableView(console, WINDOWS)
    for one in lines:
        view.show(one)
    console.print(view.table())
    return console.export_svg(title="yiping flash --fleet fleet.csv", theme=MONOKAI)


def plain(lines: Iterable[Line]) -> str:
    """Return what is printed where nobody watches."""
    console = Console(record=True, file=io.StringIO(), width=100, height=60)
    view = PlainView(lambda text: console.print(text, markup=False, highlight=False))
    for one in lines:
        view.show(one)
    return console.export_svg(title="yiping flash, not at a terminal", theme=MONOKAI)


def shot(browser: Browser, svg: str, width: int) -> Image.Image:
    """Return an SVG as a Chromium draws it, with letters of this machine and those of printed pages for Chinese."""
    with tempfile.TemporaryDirectory() as folder:
        own = svg.replace("Fira Code", "DejaVu Sans Mono").replace("monospace", "noto, monospace")
        at = Path(folder) / "page.html"
        at.write_text(_HTML.format(font=page.font_file().as_uri(), svg=own), encoding="utf-8")
        tab = browser.new_page(viewport={"width": width, "height": 400})
        tab.goto(at.as_uri())
        tab.evaluate("document.fonts.load('16px noto', '窗')")
        data = tab.locator("svg").screenshot()
        tab.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


def sheet() -> Image.Image:
    """Return the upper part of a sheet of labels as it is printed."""
    texts = [label.Label(terminal_id(n), "滨海中心", f"{n}号窗口", "k5", "0.1.0") for n in range(1, 13)]
    drawn = pypdfium2.PdfDocument(label.sheet(texts))[0].render(scale=100 / 72).to_pil()
    return drawn.crop((0, 60, drawn.width, 400)).convert("RGB")


def docs_pictures(browser: Browser) -> Iterator[tuple[str, Image.Image]]:
    """Return the pictures of the pages by name."""
    yield "flash-working", shot(browser, table(working(), 80), 900)
    yield "flash-done", shot(browser, table(finished(), 80), 900)
    yield "flash-labels", sheet()
    for name, draw in drawings.ALL.items():
        yield name, shot(browser, draw(), drawings.WIDE)


def looks(browser: Browser) -> Iterator[tuple[str, Image.Image]]:
    """Return further pictures for who changes the table."""
    moments: dict[str, Callable[[], list[Line]]] = {
        "none": list, "working": working, "failing": failing, "finished": finished, "by-person": by_person,
    }  # fmt: skip
    for name, lines in moments.items():
        for columns in (80, 120):
            yield f"{name}-{columns}", shot(browser, table(lines(), columns), 1500)
    yield "many-80x24", shot(browser, table(many(), 80, 24), 1500)
    yield "plain", shot(browser, plain([*working(), *failing()]), 1500)


def main() -> None:
    """Draw the pages' pictures, or with a folder all that helps to judge the table there."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else IMAGES
    with sync_playwright() as driver:
        browser = launched(driver)
        for name, picture in (looks if sys.argv[1:] else docs_pictures)(browser):
            save(picture, f"{name}.png", folder)


if __name__ == "__main__":
    main()
