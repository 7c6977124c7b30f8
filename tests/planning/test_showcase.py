"""What a visitor is shown first follows from counts that anybody can follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.showcase import Known, Product, call_to_action, rank

SHOES = [
    Product("p1", "Runner", "Running", popularity=0.5),
    Product("p2", "Racer", "Running", popularity=0.1),
    Product("p3", "Boot", "Hiking", popularity=0.4),
    Product("p4", "Sold out", "Hiking", popularity=0.9, in_stock=False),
]


def ids(known: Known, most: int = 4) -> list[str]:
    return [each.product.product_id for each in rank(SHOES, known, most=most)]


def test_without_knowing_anything_what_everybody_buys_comes_first_and_what_is_sold_out_never() -> None:
    assert ids(Known()) == ["p1", "p3", "p2"]


def test_what_was_looked_at_comes_before_its_kind_and_its_kind_before_the_rest() -> None:
    assert ids(Known(viewed={"p2": 1})) == ["p2", "p1", "p3"]


def test_the_cart_comes_first_and_the_button_says_so() -> None:
    known = Known(viewed={"p2": 1}, cart=frozenset({"p3"}))
    assert ids(known)[0] == "p3"
    assert call_to_action(rank(SHOES, known, most=3), known) == "Finish your order"


def test_the_button_names_what_was_looked_at_then_a_kind_then_nothing() -> None:
    seen = Known(viewed={"p2": 2})
    assert call_to_action(rank(SHOES, seen, most=1), seen) == "See Racer"
    assert call_to_action(rank(SHOES, Known(), most=1), Known()) == "See Running"
    assert call_to_action([], Known()) == "See what is new"


def test_every_point_has_its_reason() -> None:
    (first, *_) = rank(SHOES, Known(viewed={"p1": 2}, bought=frozenset({"Running"})), most=3)
    assert first.reasons == ("looked at 2 times in this session", "bought Running before", "50% of all orders lately")


@given(
    st.dictionaries(st.sampled_from(["p1", "p2", "p3", "gone"]), st.integers(1, 9)),
    st.sets(st.sampled_from(["p1", "p3", "gone"])),
    st.integers(-1, 5),
)
def test_scores_fall_are_repeatable_and_never_more_than_asked(viewed: dict[str, int], cart: set[str], most: int) -> None:
    known = Known(viewed=viewed, cart=frozenset(cart))
    found = rank(SHOES, known, most=most)
    assert len(found) <= max(most, 0)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found == rank(list(reversed(SHOES)), known, most=most)
