"""Every picture of the walk in the README is one that the browser test makes, and none is missing."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
WALK = runpy.run_path(str(ROOT / "tests" / "walk_pictures.py"))["WALK"]


def test_the_readme_shows_each_picture_of_the_walk_in_order_with_words_for_who_cannot_see_it() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(docs/img/(walk-[^)]+)\.png\)", (ROOT / "README.md").read_text())
    assert [name for _, name in shown] == [f"walk-{name}" for name in WALK]
    assert all(len(words) > 30 for words, _ in shown)


def test_every_picture_is_there_and_is_a_png() -> None:
    kept = {path.stem: path.read_bytes()[:8] for path in (ROOT / "docs" / "img").glob("walk-*.png")}
    assert kept == {f"walk-{name}": b"\x89PNG\r\n\x1a\n" for name in WALK}
