"""Who is meant: a phrase of the goal as a mask over people, and a funnel that counts what every rule removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping.countries import COUNTRIES
from liftwright.domain.plan import FunnelStep

Mask = npt.NDArray[np.bool_]
RECENT_DAYS = 30
LAPSED_DAYS = 180
NEW_DAYS = 90
BEST_SHARE = 0.10
_SPAN = re.compile(r"\b(\d{1,4})\s*[- ]?\s*(day|week|month|year)s?\b")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_DEMONYMS = {"american": "US", "british": "GB", "german": "DE", "french": "FR", "canadian": "CA", "italian": "IT", "spanish": "ES",
             "dutch": "NL", "austrian": "AT", "swiss": "CH", "indian": "IN", "australian": "AU", "irish": "IE"}  # fmt: skip
_FILLER = frozenset(
    re.findall(
        r"\w+",
        "the a an our all any who that have has had are is in from of to and with people customers customer buyers"
        " buyer shoppers users user members member contacts everyone everybody anyone those residents based living only we us for at"
        " by on last past this within days day weeks week months month years year ago been since than more over least bought ordered"
        " purchased purchase purchases order orders buy buying something anything just times time were was did existing current most"
        " known person persons",
    )
)
"""Words that choose nobody. Any other word that the data does not know makes the whole phrase unknown."""


def funnel(people: pa.Table, *, steps: Sequence[tuple[str, str, Mask]]) -> tuple[Mask, tuple[FunnelStep, ...]]:
    """Apply (step, rule, keep) masks in order; returns who is left and how many each step removed."""
    left = np.ones(people.num_rows, dtype=bool)
    shown = []
    for step, rule, keep in steps:
        after = left & np.asarray(keep, dtype=bool)
        shown.append(FunnelStep(step=step, rule=rule, removed=int(left.sum() - after.sum()), left=int(after.sum())))
        left = after
    return left, tuple(shown)


def match_people(
    phrase: str, *, people: pa.Table, features: pa.Table, tables: Mapping[str, pa.Table], as_of: datetime
) -> Mask | None:
    """Who a phrase means, in the order of `people` (and `features`); None when the data cannot tell.

    Understands recent, lapsed and new customers, the best customers, people who never bought or were lately contacted, who opted
    out, countries, and any 0/1 feature or value of a text column by its name. Whom a contact moves is not a fact about people:
    that is None here.
    """
    words = re.sub(r"[\u2019']", "", phrase.lower()).strip()
    if re.search(r"\b(move|moved|unmoved|persuadable|persuade|respond|effect|lift)", words):
        return None
    about = _About(people, features, tables, as_of)
    masks: list[Mask | None] = []
    rest = words
    for pattern, rule in _RULES:
        if re.search(pattern, words):
            masks.append(rule(about, words))
            rest = _SPAN.sub(" ", re.sub(pattern, " ", words))
            break
    country, rest = _country(rest)
    if country is not None:
        masks.append(_equal(people["country"], country) if "country" in people.column_names else None)
    masks.append(about.named(rest))
    known = [mask for mask in masks if mask is not None]
    return np.logical_and.reduce(known) if len(known) == len(masks) else None


class _About:
    """What is known of people, looked up by need."""

    def __init__(self, people: pa.Table, features: pa.Table, tables: Mapping[str, pa.Table], as_of: datetime) -> None:
        self.people, self.features, self.tables, self.as_of = people, features, tables, as_of

    def number(self, name: str) -> npt.NDArray[np.float64] | None:
        if name not in self.features.column_names:
            return None
        return np.asarray(self.features[name].to_numpy(zero_copy_only=False), dtype=np.float64)

    def recency(self) -> npt.NDArray[np.float64] | None:
        """Days since the last order; a column `recency` of a customer file counts months."""
        days = self.number("recency_days")
        if days is not None:
            return days
        months = self.number("recency")
        return None if months is None else months * 30.0

    def happened(self, kinds: Sequence[str], days: float) -> Mask | None:
        """Who had an event of these types in the last days; None where there are no events."""
        events = self.tables.get("events")
        if events is None or not events.num_rows:
            return None
        stamp = events["occurred_at"]
        since = pa.scalar(self.as_of - timedelta(days=days), stamp.type)
        inside = pc.and_(pc.greater_equal(stamp, since), pc.less_equal(stamp, pa.scalar(self.as_of, stamp.type)))
        who = events.filter(pc.and_(inside, pc.is_in(events["type"], value_set=pa.array(list(kinds), pa.string()))))[
            "customer_id"
        ]
        return _in(self.people["customer_id"], who)

    def named(self, words: str) -> Mask | None:
        """Every word (or two together) a 0/1 feature, a value of a text column, or a product category bought; everybody when no such word is left."""
        tokens = re.findall(r"\w+", words)
        mask, place = np.ones(self.people.num_rows, dtype=bool), 0
        while place < len(tokens):
            pair = self._flag("".join(tokens[place : place + 2])) if place + 1 < len(tokens) else None
            found = self._flag(tokens[place]) if pair is None and tokens[place] not in _FILLER else pair
            if found is None and tokens[place] not in _FILLER:
                return None
            mask = mask if found is None else mask & found
            place += 1 if pair is None else 2
        return mask

    def _flag(self, word: str) -> Mask | None:
        stem = _stem(word)
        for name in self.features.column_names:
            if name != "customer_id" and stem in {_stem(name), _stem(name.rpartition("_is_")[2])}:
                values = self.number(name)
                if values is not None and set(np.unique(values)) <= {0.0, 1.0}:
                    return values > 0.5
        return self._text(stem) if (by_text := self._bought(stem)) is None else by_text

    def _text(self, stem: str) -> Mask | None:
        for name in ("kind", "region", "country"):
            if name in self.people.column_names:
                levels = [v for v in pc.unique(self.people[name]).to_pylist() if v and _stem(v.lower()) == stem]
                if levels:
                    return _equal(self.people[name], levels[0])
        return None

    def _bought(self, stem: str) -> Mask | None:
        events, products = self.tables.get("events"), self.tables.get("products")
        if (
            events is None
            or products is None
            or "category" not in products.column_names
            or "product_id" not in events.column_names
        ):
            return None
        texts = zip(products["product_id"].to_pylist(), products["category"].to_pylist(), strict=True)
        ids = [product for product, category in texts if _stem(re.sub(r"[^a-z]", "", (category or "").lower())) == stem]
        if not ids:
            return None
        mine = pc.and_(pc.equal(events["type"], "purchase"), pc.is_in(events["product_id"], value_set=pa.array(ids, pa.string())))
        return _in(self.people["customer_id"], events.filter(pc.fill_null(mine, False))["customer_id"])


def _stem(word: str) -> str:
    word = re.sub(r"[^a-z0-9]", "", word.lower())
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _equal(column: pa.ChunkedArray, value: str) -> Mask:
    return np.asarray(pc.fill_null(pc.equal(column, value), False).to_numpy(zero_copy_only=False), dtype=bool)


def _in(ids: pa.ChunkedArray, who: pa.ChunkedArray) -> Mask:
    return np.asarray(pc.is_in(ids, value_set=who.unique()).to_numpy(zero_copy_only=False), dtype=bool)


def _days(words: str, *, otherwise: float) -> float:
    span = _SPAN.search(words)
    if span:
        return float(span.group(1)) * _DAYS[span.group(2)]
    single = re.search(r"\b(?:last|past|this)\s+(day|week|month|year)\b", words)
    return float(_DAYS[single.group(1)]) if single else otherwise


def _country(words: str) -> tuple[str | None, str]:
    """The country a phrase names, and the phrase without it."""
    for name in re.findall(r"[\w.]+", words):
        if name in _DEMONYMS:
            return _DEMONYMS[name], words.replace(name, " ")
    for name in sorted(COUNTRIES, key=lambda name: -len(name)):
        if len(name) > 3 and re.search(rf"\b{re.escape(name.lower())}\b", words):
            return COUNTRIES[name], words.replace(name.lower(), " ")
    code = re.search(r"(?:^|\b(?:in|from)\s+(?:the\s+)?)(us|usa|uk|uae|[a-z]{2})\s*$", words.strip())
    if code and code.group(1).upper() in COUNTRIES and code.group(1) not in _FILLER - {"us"}:
        return COUNTRIES[code.group(1).upper()], words.strip()[: code.start(1)]
    return None, words


def _older(about: _About, words: str, *, days: float) -> Mask | None:
    recency = about.recency()
    return None if recency is None else recency >= _days(words, otherwise=days)


def _younger(about: _About, words: str) -> Mask | None:
    recency = about.recency()
    return None if recency is None else recency < _days(words, otherwise=RECENT_DAYS)


def _new(about: _About, words: str) -> Mask | None:
    tenure, newbie = about.number("tenure_days"), about.number("newbie")
    if tenure is not None:
        return tenure <= _days(words, otherwise=NEW_DAYS)
    return None if newbie is None else newbie > 0.5


def _best(about: _About, words: str) -> Mask | None:
    """The tenth of people who paid most (value of a year, else a column such as `history`), ties included; nobody who paid nothing."""
    value: Any = next(
        (v for name in ("value_365", "history", "lifetime_value", "total_spend") if (v := about.number(name)) is not None), None
    )
    if value is None or not len(value):
        return None
    share = re.search(r"(\d{1,2})\s*(?:%|percent)", words)
    edge = float(np.quantile(value, 1 - (int(share.group(1)) / 100 if share else BEST_SHARE)))
    best: Mask = (value >= edge) & (value > 0)
    return best


def _never(about: _About, words: str) -> Mask | None:
    bought = about.happened(("purchase",), 100 * 365)
    return None if bought is None else ~bought


def _contacted(about: _About, words: str) -> Mask | None:
    recency = about.number("contact_recency_days")
    return None if recency is None else recency <= _days(words, otherwise=7)


def _supported(about: _About, words: str) -> Mask | None:
    return about.happened(("support", "complaint"), _days(words, otherwise=90))


def _returned(about: _About, words: str) -> Mask | None:
    return about.happened(("return",), _days(words, otherwise=365))


def _opted_out(about: _About, words: str) -> Mask | None:
    count = about.number("opt_outs")
    return None if count is None else count > 0


def _minors(about: _About, words: str) -> Mask | None:
    """People under 18; where the birth date is unknown a person is not counted."""
    if "birth_date" not in about.people.column_names:
        return None
    day = about.as_of.date()
    limit = day.replace(year=day.year - 18, day=min(day.day, 28))
    young = pc.greater(about.people["birth_date"], pa.scalar(limit, about.people["birth_date"].type))
    return np.asarray(pc.fill_null(young, False).to_numpy(zero_copy_only=False), dtype=bool)


def _repeat(about: _About, words: str) -> Mask | None:
    orders = about.number("orders_365")
    return None if orders is None else orders >= 2


_RULES: tuple[tuple[str, Callable[[_About, str], Mask | None]], ...] = (
    (r"never (bought|ordered|purchased)|non-?\s?buyers|prospects", _never),
    (r"opted out|opt-?outs?|unsubscribed?", _opted_out),
    (r"(recently )?\b(contacted|mailed|messaged|e-?mailed)( recently)?", _contacted),
    (r"minors?|under[- ]?(18|age)|underage|children", _minors),
    (r"complain(ed|ts?|ing)?|support (case|ticket)|open ticket", _supported),
    (r"\breturn(ed|ers)\b", _returned),
    (r"lapsed|inactive|dormant|churned|lost customers|win-?back|reactivat\w*|(not|no|havent|hasnt) (bought|ordered|purchased|order|purchase)",
     lambda about, words: _older(about, words, days=LAPSED_DAYS)),
    (r"\bnew (customers?|people|buyers?|members?|sign-?ups?)|newcomers|joined|first-?timers?", _new),
    (r"\bvips?\b|best (customers?|buyers?|people)|top (\d+ ?(%|percent))?( of)?( \w*)?(customers?|spenders?|buyers?)|big spenders?|high[- ]value|loyal", _best),
    (r"repeat|returning customers|more than one order", _repeat),
    (r"recent(ly)?|just bought|bought in the last|bought (this|last) (week|month)|(purchased|ordered|bought) (within|in) (the )?|active (customers|buyers)", _younger),
)  # fmt: skip
