"""Amounts that cannot be added up: several currencies, or cents among whole units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.quality.look import Look
from liftwright.domain.readiness import Gap

AMOUNTS = (("events", "amount"), ("leads", "amount"), ("products", "price"))
CURRENCIES = (("events", "amount"), ("leads", "amount"), ("prices", "price"))
FEWEST = 5
LEAST_SHARE = 0.002
HUNDRED = (50.0, 200.0)
"""Ratio of the medians of two clusters of amounts that speaks of cents and units."""
VALLEY = 0.02
"""Share of amounts that may lie between the two clusters."""


def check(look: Look) -> list[Gap]:
    """Mixed currencies and mixed units."""
    return [*_currencies(look), *(gap for table, column in AMOUNTS if (gap := _units(look, table, column)) is not None)]


def _currencies(look: Look) -> list[Gap]:
    found = []
    for name, column in CURRENCIES:
        table = look.table(name)
        if table is None or not {"currency", column} <= set(table.column_names):
            continue
        priced = table.filter(pc.and_(pc.is_valid(table[column]), pc.is_valid(table["currency"])))
        foreign = priced.filter(pc.not_equal(priced["currency"], look.currency))
        if foreign.num_rows:
            codes = ", ".join(sorted({str(code) for code in foreign["currency"].unique().to_pylist()})[:5])
            share = foreign.num_rows / priced.num_rows
            found.append(
                look.gap(
                    "currency_mix", name, "currency", concerned=foreign.num_rows, of=priced.num_rows,
                    says=f"{foreign.num_rows:,} of {priced.num_rows:,} amounts of {name} are in {codes}, and the house counts in"
                    f" {look.currency}: they are added up as if they were {look.currency}.",
                    fix=f"Convert amounts to {look.currency} at the rate of their day before importing them.",
                    risk=(look.earned * share, "margin of the last 90 days x the share of amounts in another currency"),
                )
            )  # fmt: skip
    return found


def _units(look: Look, name: str, column: str) -> Gap | None:
    table = look.table(name)
    if table is None or column not in table.column_names or not _is_number(table.schema.field(column).type):
        return None
    amounts = np.asarray(table[column].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(amounts) & (amounts > 0))
    large = in_cents(amounts[rows])
    count = int(large.sum())
    if count < max(FEWEST, LEAST_SHARE * len(rows)) or not _same_products(table, rows, large):
        return None
    return look.gap(
        "unit_mix", name, column, concerned=count, of=len(rows), severity="block",
        says=f"{count:,} of {len(rows):,} values of {name}.{column} are about a hundred times the others and whole: cents among whole"
        " units. Whoever has one of them looks like the best customer there is.",
        fix="Divide these amounts by 100 at the source and import them again.",
        risk=(float(amounts[rows][large].sum()) * look.margin_rate * 0.99 if name == "events" else 0.0,
              "amounts that seem to be in cents x 0.99 x margin rate: margin that is not there"),
    )  # fmt: skip


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def in_cents(amounts: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which positive amounts form a second cluster a hundred times above the other, nearly all whole while the lower ones are not.

    All False where the amounts are one cluster, however wide.
    """
    nobody = np.zeros(len(amounts), dtype=bool)
    if len(amounts) < 2 * FEWEST:
        return nobody
    logs = np.log10(amounts)
    cut = _split(logs)
    large = logs > cut
    if not large.any() or large.all():
        return nobody
    ratio = 10 ** (np.median(logs[large]) - np.median(logs[~large]))
    middle = np.median(logs[~large]) + np.log10(ratio) / 2
    between = np.mean(np.abs(logs - middle) < 0.15)
    smaller = min(large.mean(), 1 - large.mean())
    whole = amounts == np.round(amounts)
    is_clear = HUNDRED[0] <= ratio <= HUNDRED[1] and between <= min(VALLEY, 0.3 * smaller)
    return large if is_clear and whole[large].mean() > 0.95 and whole[~large].mean() < 0.8 else nobody


def _split(logs: npt.NDArray[np.float64]) -> float:
    """The cut between two clusters of logarithms about two apart: where each side is tightest (Otsu 1979), ends of 0.2 % allowed."""
    ordered = np.sort(logs)
    n = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    means = sums[:-1] / n, (sums[-1] - sums[:-1]) / (len(ordered) - n)
    between = n * (len(ordered) - n) * (means[1] - means[0]) ** 2
    apart = np.where(means[1] - means[0] > 1.5, between, 0.0)
    best = int(apart.argmax() if apart.any() else between.argmax())
    return float((ordered[best] + ordered[best + 1]) / 2)


def _same_products(table: pa.Table, rows: npt.NDArray[np.int64], large: npt.NDArray[np.bool_]) -> bool:
    """Where products are known: whether the large amounts are of products that also have small ones, so that it is not the price."""
    if "product_id" not in table.column_names or "price" in table.column_names:
        return True
    products = table["product_id"].take(pa.array(rows))
    both = [set(products.filter(pa.array(mask)).drop_null().to_pylist()) for mask in (large, ~large)]
    return not both[0] or len(both[0] & both[1]) >= 0.5 * len(both[0])
