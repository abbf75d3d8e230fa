"""Show what changed on the screens, old and new side by side, or approve it: `python -m tests.ui [--accept]`."""

import argparse
import base64
import html
import io
import sys
import webbrowser
from pathlib import Path

from PIL import Image, ImageChops

from tests.ui import goldens
from tests.ui.gallery import ROOT, SIZES, Scene, draw_all

REPORT = ROOT / "build" / "screens.html"
_STYLE = (
    "body{font:15px sans-serif;margin:24px;background:#eef0f2}h2{margin:28px 0 8px}"
    "figure{display:inline-block;margin:0 12px 0 0;vertical-align:top}figcaption{color:#555;margin:4px 0}"
    "img{border:1px solid #888}pre{display:inline-block;background:#fff;padding:8px;vertical-align:top}"
)


def report(found: dict[str, dict[str, Scene]]) -> tuple[str, int]:
    """Return the page, and how many screens changed; old and new side by side, and where they differ in red."""
    parts, count = [], 0
    for board, scenes in found.items():
        for name in goldens.changed(board, scenes):
            count += 1
            old_file = goldens.PICTURES / board / f"{name}.png"
            old = Image.open(old_file).convert("RGB") if old_file.exists() else None
            new = scenes[name].picture if name in scenes else None
            parts.append(f"<h2>{html.escape(board)} · {html.escape(name)}</h2>")
            parts += [_figure("approved", old), _figure("now", new)]
            if old is not None and new is not None and old.size == new.size:
                parts.append(_figure("difference", _difference(old, new)))
            before, now = goldens.approved(board).get(name, ""), goldens.told(scenes[name]) if new is not None else ""
            parts += [f"<pre>{html.escape(text)}</pre>" for text in (before, now)]
    verdict = f"{count} screens changed" if count else "No screen changed"
    accept = "<p>To approve them: <code>make screens ARGS=--accept</code></p>" if count else ""
    head = (
        f"<!doctype html><meta charset=utf-8><title>{verdict}</title><style>{_STYLE}</style><h1>{verdict}</h1>{accept}"
    )
    return head + "\n".join(parts), count


def _figure(caption: str, picture: Image.Image | None) -> str:
    if picture is None:
        return f"<figure><figcaption>{caption}: none</figcaption></figure>"
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><figcaption>{caption}</figcaption><img alt="{caption}" src="data:image/png;base64,{data}"></figure>'
    )


def _difference(old: Image.Image, new: Image.Image) -> Image.Image:
    """Return the new picture, pale, with what differs in red; that the approved one has fewer shades does not count."""
    mask = ImageChops.difference(old, new).convert("L").point(lambda value: 255 if value > 24 else 0)
    pale = Image.blend(new, Image.new("RGB", new.size, (255, 255, 255)), 0.7)
    pale.paste((220, 0, 0), mask=mask)
    return pale


def main(arguments: list[str]) -> int:
    """Write the report, or approve; return how many screens changed, at most 1, as the exit status of a report."""
    parser = argparse.ArgumentParser(prog="make screens", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="approve all screens as they are drawn now")
    parser.add_argument("--out", type=Path, default=REPORT, help="where the report goes")
    parser.add_argument("--open", action="store_true", help="show the report in a browser")
    options = parser.parse_args(arguments)
    found = {board: draw_all(board) for board in SIZES}
    if options.accept:
        names = [f"{board} {name}" for board, scenes in found.items() for name in goldens.accept(board, scenes)]
        print("\n".join([*names, f"{len(names)} screens approved"]))
        return 0
    page, count = report(found)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page, encoding="utf-8")
    print(f"{count} screens changed, see {options.out}")
    if options.open:
        webbrowser.open(options.out.as_uri())
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
