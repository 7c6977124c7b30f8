"""What a feature is: one aggregate over a person's own past, with its contract and its privacy class."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Source = Literal["events", "contacts", "people"]
Pii = Literal["none", "indirect", "direct"]


@dataclass(frozen=True)
class Feature:
    """A declared feature.

    `sql` aggregates a person's rows of `source` that are strictly earlier than the moment; `{rows}` stands where the filter on
    `window` (days before the moment, None = all time) and `where` goes, by default behind the aggregate. Rows of `events`: type,
    channel, is_machine, product_id, category, paid, earned (major units), is_discounted, age (days before the moment), day (whole
    days of it). Rows of `contacts`: channel, age. Features of `people` are computed from the customer file.

    The contract: the newest row of the source is at most `fresh_days` old; at most a share `most_nulls` of the rows lacks the
    column `needs` (judged where the source supplies it at all); the values lie between `low` and `high`. `decides` is what would
    be decided wrongly otherwise. A feature of PII class `direct`, or with a `special` category (health, religion, ...), is only
    computed where its tag is allowed.
    """

    name: str
    sql: str
    says: str
    source: Source = "events"
    types: tuple[str, ...] = ()
    """Event types whose rows count; empty = every type."""
    where: str = ""
    window: int | None = None
    empty: float = 0.0
    """The value of a person without any such row."""
    owner: str = "crm"
    fresh_days: int | None = 45
    needs: str = ""
    most_nulls: float = 1.0
    low: float = 0.0
    high: float = float("inf")
    pii: Pii = "none"
    special: str = ""
    decides: str = "who is a likely buyer"

    def expression(self) -> str:
        """The aggregate as SQL over rows of the feature's types, a DOUBLE without nulls."""
        tests = [*([f"age <= {self.window}"] if self.window is not None else []), *([f"({self.where})"] if self.where else [])]
        rows = f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""
        sql = self.sql.replace("{rows}", rows) if "{rows}" in self.sql else self.sql + rows
        return f"CAST(coalesce({sql}, {self.empty!r}) AS DOUBLE)"

    def is_allowed(self, tags: Collection[str]) -> bool:
        """Whether a model may see it: neither a special category nor a direct identifier, unless its tag is among `tags`."""
        return (not self.special or self.special in tags) and (self.pii != "direct" or "direct" in tags)
