"""Measures what a page looks like: the contrast of its texts, and whether everything fits."""

# Return each visible text with its contrast (WCAG 2.2 §1.4.3), against what is painted behind it.
_CONTRASTS = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (color) => {
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = color.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const color = parse(getComputedStyle(node).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, behind(node.parentElement));
  };
  const found = [];
  const note = (node, text, color) => {
    const ground = behind(node);
    const [one, two] = [light(over(parse(color), ground)), light(ground)].sort((a, b) => b - a);
    found.push([text, (one + 0.05) / (two + 0.05)]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (text && node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length) {
      note(node, text, getComputedStyle(node).color);
    }
  }
  for (const field of document.querySelectorAll("input")) {
    if (field.placeholder && !field.value && field.checkVisibility()) {
      note(field, field.placeholder, getComputedStyle(field, "::placeholder").color);
    }
  }
  return found;
}"""
# Return what reaches past the page's right edge, or is cut off inside its own box; wide tables scroll in theirs.
_CUT_OFF = """() => [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility() &&
    !node.closest(".scroll") && (node.getBoundingClientRect().right > innerWidth + 1 ||
     (node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0 && !["INPUT", "SELECT"].includes(node.tagName)))
    ).map((node) => node.id || node.outerHTML.slice(0, 80))"""


def faint_texts(page: "playwright.Page", least: float = 4.5) -> list[tuple[str, float]]:  # noqa: F821
    """Return the visible texts whose contrast is less than `least`."""
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    return [(text, round(value, 2)) for text, value in page.evaluate(_CONTRASTS) if value < least]


def cut_off(page: "playwright.Page") -> list[str]:  # noqa: F821
    """Return what a reader could not see without scrolling sideways."""
    return page.evaluate(_CUT_OFF)


def overflow_px(page: "playwright.Page") -> int:  # noqa: F821
    """Return how far one has to scroll down to see everything."""
    return page.evaluate("document.documentElement.scrollHeight - innerHeight")
