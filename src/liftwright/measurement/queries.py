"""The SQL behind every figure of a report, over the tables that `liftwright export` writes as `audience` and `outcomes`.

DuckDB's dialect. Run over those two files, each gives the figure back to the last digit that matters.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from liftwright.measurement.estimate import REGRESSION_FROM

REACHED = "state IN ('sent', 'unknown')"
"""Rows of the ledger that reached somebody, or may have."""
_SIDES = "avg(y) FILTER (WHERE arm = 'treated') - avg(y) FILTER (WHERE arm = 'holdout')"


def effect(metric: str, *, cap: float | None = None, covariate: str = "", only: str = "") -> str:
    """The effect per person on one column of the outcomes; with a covariate of the audience, adjusted for it as `moments.adjusted` does.

    only: a condition on the audience's columns.
    """
    people = f"people AS ({_people(f'{_capped(metric, cap)} AS y', covariate)}{f' AND {only}' if only else ''})"
    if not covariate:
        return f"WITH {people} SELECT {_SIDES} FROM people"
    arms = (
        "arms AS (SELECT arm, count(*) AS n, count(*) FILTER (WHERE y <> 0) AS seen, avg(y) AS y, avg(x) AS x, "
        "covar_pop(y, x) * count(*) AS xy, var_pop(x) * count(*) AS xx FROM people GROUP BY arm)"
    )
    slopes = (
        f"slopes AS (SELECT arm, y, x, CASE WHEN min(seen) OVER () >= {REGRESSION_FROM} AND min(xx) OVER () > 1e-12 THEN xy / xx "
        "WHEN sum(xx) OVER () > 1e-12 THEN sum(xy) OVER () / sum(xx) OVER () ELSE 0 END AS slope, sum(n * x) OVER () / sum(n) OVER () AS middle FROM arms)"
    )
    side = "sum(CASE arm WHEN 'treated' THEN 1 ELSE -1 END * (y - slope * (x - middle)))"
    return f"WITH {people}, {arms}, {slopes} SELECT {side} FROM slopes"


def total(metric: str, *, cap: float | None = None, covariate: str = "") -> str:
    """The effect times the treated people compared."""
    people = "(SELECT count(*) FROM audience WHERE is_selected AND arm = 'treated')"
    return f"SELECT ({effect(metric, cap=cap, covariate=covariate)}) * {people}"


def ratio(above: str, below: str) -> str:
    """The difference of two arms' ratios of sums."""
    people = _people(f"coalesce({above}, 0) AS y, coalesce({below}, 0) AS z", "")
    sides = [f"sum(y) FILTER (WHERE arm = '{arm}') / sum(z) FILTER (WHERE arm = '{arm}')" for arm in ("treated", "holdout")]
    return f"WITH people AS ({people}) SELECT {' - '.join(sides)} FROM people"


def rate(above: str, below: str) -> str:
    """The treated arm's ratio of sums."""
    return f"SELECT sum({above}) / sum({below}) FROM audience JOIN outcomes USING (customer_id) WHERE is_selected AND arm = 'treated'"


def arm(name: str) -> str:
    """Margin of one arm in the window."""
    return f"SELECT sum(margin) FROM audience JOIN outcomes USING (customer_id) WHERE is_selected AND arm = '{name}'"


def contamination() -> str:
    """People held out who had a delivered send; `sends` is what `liftwright export --what sends` writes."""
    return f"SELECT count(DISTINCT customer_id) FROM sends JOIN audience USING (customer_id) WHERE arm = 'holdout' AND {REACHED}"


def _capped(metric: str, cap: float | None) -> str:
    return f"coalesce({metric}, 0)" if cap is None else f"least(coalesce({metric}, 0), {cap!r})"


def _people(columns: str, covariate: str) -> str:
    beside = f", coalesce({covariate}, 0) AS x" if covariate else ""
    return (
        f"SELECT arm, {columns}{beside} FROM audience LEFT JOIN outcomes USING (customer_id) "
        "WHERE is_selected AND arm IN ('treated', 'holdout')"
    )


def arm_total(name: str, column: str) -> str:
    """A column of one arm summed; `people` and `buyers` count them."""
    what = {"people": "count(*)", "buyers": "count(*) FILTER (WHERE orders > 0)"}.get(column, f"coalesce(sum({column}), 0)")
    return f"SELECT {what} FROM audience JOIN outcomes USING (customer_id) WHERE is_selected AND arm = '{name}'"


def arm_mean(name: str, column: str) -> str:
    """A column of one arm per person."""
    return f"SELECT sum({column}) / count(*) FROM audience JOIN outcomes USING (customer_id) WHERE is_selected AND arm = '{name}'"


def sends(what: str = "count(*)", *, where: str = "") -> str:
    """A figure of the ledger: over the table `liftwright export --what sends` writes."""
    return f"SELECT {what} FROM sends" + (f" WHERE {where}" if where else "")


def answered(query: str, tables: Mapping[str, pa.Table]) -> float | None:
    """What one of these queries answers over the tables it names; None where it answers nothing."""
    with duckdb.connect() as engine:
        for name, table in tables.items():
            engine.register(name, table)
        row = engine.execute(query).fetchone()
    return None if row is None or row[0] is None else float(row[0])
