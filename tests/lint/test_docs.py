"""The documents tell the truth about the tree: links lead somewhere, the map matches, every page is in the index."""

import re

from tests.lint.sources import ROOT, name, our_files

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
MAP = re.compile(r"## Map\n+```\n(.*?)```", re.S)
README = ROOT / "README.md"
TARGET = re.compile(r"`make ([a-z]+)")


def links(path) -> list[str]:
    """Return what a document links to inside the project, code left out."""
    text = CODE.sub("", path.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if "://" not in target and not target.startswith("mailto:")]


def anchors(path) -> set[str]:
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_in_documents_lead_somewhere():
    dead = []
    for document in our_files(".md"):
        for link in links(document):
            file, _, anchor = link.partition("#")
            target = (document.parent / file).resolve() if file else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{name(document)} → {link}")
    assert dead == []


def test_map_in_readme_names_every_folder_and_no_other():
    mapped = {
        line.split()[0].rstrip("/")
        for line in MAP.search(README.read_text(encoding="utf-8"))[1].splitlines()
        if line[:1].strip()
    }
    folders = {path.parts[len(ROOT.parts)] for path in our_files() if path.parent != ROOT} - {".ci"}
    assert mapped == folders


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {path for path in our_files(".md", under="docs") if path != index}
    assert sorted(name(path) for path in pages - linked) == []


def test_commands_named_in_documents_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    named = {
        (name(path), target) for path in our_files(".md") for target in TARGET.findall(path.read_text(encoding="utf-8"))
    }
    assert {place for place in named if place[1] not in targets} == set()


def test_help_of_the_makefile_names_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M)) - {"help", "venv", "tools"}
    assert targets == set(re.findall(r'@echo "make ([a-z]+)', makefile))


def test_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or re.search(r"^## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$", text, re.M)
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
