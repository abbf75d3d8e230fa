"""Draws docs/images/update-*.png from real processes: python -m tests.rollout.pictures. Look at them afterwards."""

import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright

from host_agent.bundle import keys
from protocol import rating, reasons
from tests.browser.chromium import launched, lay_out_font
from tests.browser.pictures import save
from tests.rollout import small_bundles
from tests.rollout.centre import Centre
from tests.unit.agent_support import wait_until

# The ports of the picture are those of a true PC.
SHOWN = """
document.querySelectorAll("#terminals tr").forEach((row, i) => { row.cells[2].textContent = `/dev/ttyACM${i}`; })
"""
STATES = {"done", "failed", "sending", "waiting"}


def shot(page: Page, name: str) -> None:
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    save(image, name)


def stands(centre: Centre) -> set[str]:
    return {terminal["update"]["state"] for terminal in centre.agents[0].status()["terminals"]}


def main() -> None:
    """Bring five terminals into five states, and show both pages."""
    with tempfile.TemporaryDirectory() as name:
        lay_out_font(Path(name, "data-home"))  # before the browser's driver takes over the environment
        with sync_playwright() as playwright:
            draw(Path(name), playwright)


def draw(folder: Path, playwright: Playwright) -> None:
    """Draw both pictures."""
    key = keys.make(folder / "bundle.pem")
    centre = Centre(folder, key, 1, each=5)
    try:
        _, back, holds, refuses, late = centre.terminals
        back.bad, holds.holds, refuses.refuses = True, True, reasons.NEEDS_BOOTSTRAP
        bundle = small_bundles.write(folder, key, "0.7.0")
        centre.start()
        for terminal in centre.terminals:
            terminal.seal(rating.BOOT, {1: time.time_ns() // 1_000_000, 2: 3, 14: 1, 17: "0.6.0"})
        late.show("invited")
        centre.offer(bundle)
        options = ("--observe-min", 0, "--waves", "1,100%", "--failure-percent", 100)
        assert centre.rollout("start", bundle, "--centre", "C01", *options).returncode == 0
        wait_until("every state is there", lambda: stands(centre) == STATES)
        wait_until("the starts are at the city", lambda: len(centre.receiver.records()) == len(centre.terminals))
        wait_until("the city knows", lambda: centre.rollouts()[0]["rollout"]["failed"] == 2)
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 640})
        page.goto(f"http://127.0.0.1:{centre.agents[0].port}/status")
        page.wait_for_selector("td.firmware small.bad")
        page.evaluate(SHOWN)
        shot(page, "update-status.png")
        halted = centre.rollout("halt", "--centre", "C01")
        assert halted.returncode == 0, halted.stderr
        page.goto(f"http://127.0.0.1:{centre.receiver.port}/")
        page.wait_for_selector("#rollouts >> text=已暂停")
        shot(page, "update-receiver.png")
    finally:
        centre.close()


if __name__ == "__main__":
    main()
