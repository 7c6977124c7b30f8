"""What changed between two plans, word by word: nothing is lost and nothing is made up."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.flow import differing
from liftwright.flow.differing import pieces

WORDS = st.text(alphabet="ab \n.", max_size=30)


@given(WORDS, WORDS)
def test_the_pieces_put_together_are_the_one_text_and_the_other(before: str, after: str) -> None:
    found = pieces(before, after)
    assert "".join(piece.words for piece in found if piece.kind != "new") == before
    assert "".join(piece.words for piece in found if piece.kind != "gone") == after
    assert all(piece.words for piece in found)


def test_figures_come_first_and_texts_are_named_by_what_they_are_for(tmp_path: Path) -> None:
    home, campaign = plain_shop.planned()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: plain_shop.NOW)
    old = plain_shop.plan_of(deps, campaign.campaign_id)
    first, *rest = old.variants
    words = first.model_copy(update={"subject": f"{first.subject} today"})
    new = old.model_copy(update={"variants": (words, *rest), "audience": old.audience.model_copy(update={"selected": 1})})
    changed = differing.word_by_word(old, new)
    assert [change.what for change in changed] == ["people chosen", f"email, {first.offer}, text 1: subject"]
    assert changed[1].pieces[-1] == differing.Piece("new", " today")
    assert differing.word_by_word(old, old) == ()
    plain_shop.close(deps)
