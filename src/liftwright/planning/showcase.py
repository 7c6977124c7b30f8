"""Which products a visitor is shown first, by counts that anybody can follow: this session, what they bought before, what everybody buys.

A stated rule and no model: each point of a score has its reason beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CART, VIEW, SAME_KIND, BOUGHT_KIND = 4.0, 3.0, 1.5, 1.0
"""Points: for lying in the cart, for each view of the product (up to three), for each view of its category (up to three), and for a category
bought before. What everybody buys decides between equals: it is worth less than one point."""
MOST_VIEWS = 3


@dataclass(frozen=True)
class Product:
    """Something in the shop. `popularity`: its share of all orders lately, 0 to 1."""

    product_id: str
    name: str
    category: str
    popularity: float = 0.0
    price: float | None = None
    in_stock: bool = True


@dataclass(frozen=True)
class Known:
    """What is known of a visitor: views and cart of this session by product, categories bought before."""

    viewed: Mapping[str, int] = field(default_factory=Counter)
    cart: frozenset[str] = frozenset()
    bought: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shown:
    """A product, its score and the reasons that add up to it, best first."""

    product: Product
    score: float
    reasons: tuple[str, ...]


def rank(products: Sequence[Product], known: Known, *, most: int) -> list[Shown]:
    """The `most` best products in stock, best first; equal ones by popularity, then by id. Without products, none."""
    kinds: Counter[str] = Counter()
    for product in products:
        kinds[product.category] += known.viewed.get(product.product_id, 0)
    found = [_scored(product, known, kinds) for product in products if product.in_stock]
    return sorted(found, key=lambda each: (-each.score, each.product.product_id))[: max(most, 0)]


def _scored(product: Product, known: Known, kinds: Mapping[str, int]) -> Shown:
    views = min(known.viewed.get(product.product_id, 0), MOST_VIEWS)
    kind = min(kinds[product.category] - known.viewed.get(product.product_id, 0), MOST_VIEWS)
    points = [
        (CART * (product.product_id in known.cart), "it lies in the cart"),
        (VIEW * views, f"looked at {views} times in this session" if views > 1 else "looked at in this session"),
        (SAME_KIND * kind if product.category else 0.0, f"others in {product.category} were looked at in this session"),
        (BOUGHT_KIND * (product.category in known.bought), f"bought {product.category} before"),
        (min(product.popularity, 0.99), f"{product.popularity:.0%} of all orders lately"),
    ]
    told = sorted((each for each in points if each[0] > 0), key=lambda each: -each[0])
    return Shown(product, round(sum(worth for worth, _ in points), 4), tuple(says for _, says in told))


def call_to_action(shown: Sequence[Shown], known: Known) -> str:
    """What the button says: the cart first, then what was looked at, then the best category."""
    if known.cart:
        return "Finish your order"
    if not shown:
        return "See what is new"
    first = shown[0].product
    return (
        f"See {first.name}"
        if known.viewed.get(first.product_id)
        else f"See {first.category}"
        if first.category
        else "See what is new"
    )
