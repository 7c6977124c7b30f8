"""One row of facts judged without a database: the predicate's tree as a function, with the three-valued logic of SQL.

Says exactly what DuckDB says of a table (a property test compares them). What the two worlds spell differently, patterns and division, is not
done here: `function` gives None for such a predicate, and the caller asks the database.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlglot import exp

from liftwright.compliance.predicate import Predicate

Row = Mapping[str, Any]
Value = Callable[[Row], Any]
_COMPARED: dict[type[exp.Expression], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Contains: lambda text, part: part in text,
}
_OF_ONE: dict[type[exp.Expression], Callable[[Any], Any]] = {
    exp.Not: operator.not_,
    exp.Neg: operator.neg,
    exp.Length: len,
    exp.Lower: lambda text: "".join(small if len(small := letter.lower()) == 1 else letter for letter in text),
}
"""Lower letters one by one, as the database does it: a letter that would become two stays."""
_ELSEWHERE = (exp.RegexpLike, exp.Div, exp.Mod)
"""Judged by the database only."""


@lru_cache(maxsize=4096)
def function(predicate: Predicate) -> Value | None:
    """The predicate as a function of one row: True, False, or None where a missing fact decides. None when only the database can tell."""
    return None if predicate.tree.find(*_ELSEWHERE) else _value(predicate.tree)


def _value(node: exp.Expression) -> Value:
    of_one = _OF_ONE.get(type(node))
    if of_one is not None:
        return _applied(of_one, _value(node.this))
    if isinstance(node, exp.Literal | exp.Boolean | exp.Null):
        return _constant(node)
    match node:
        case exp.Paren():
            return _value(node.this)
        case exp.Column():
            return operator.methodcaller("get", node.name)
        case exp.And() | exp.Or():
            return _joined(_value(node.this), _value(node.expression), decides=isinstance(node, exp.Or))
        case exp.Coalesce():
            return _first([_value(part) for part in (node.this, *node.expressions)])
        case exp.In():
            return _among(_value(node.this), [_constant(part)({}) for part in node.expressions])
        case exp.Between():
            low, high = (
                exp.GTE(this=node.this, expression=node.args["low"]),
                exp.LTE(this=node.this, expression=node.args["high"]),
            )
            return _joined(_value(low), _value(high), decides=False)
        case exp.Is():
            return _is(_value(node.this), _constant(node.expression)({}))
    return _compared(_COMPARED[type(node)], _day_aware(node.this, node.expression), _day_aware(node.expression, node.this))


def _constant(node: exp.Expression) -> Value:
    found: Any = None
    if isinstance(node, exp.Boolean):
        found = bool(node.this)
    elif isinstance(node, exp.Literal):
        found = node.name if node.is_string else float(node.name) if "." in node.name else int(node.name)
    return lambda row: found


def _day_aware(node: exp.Expression, other: exp.Expression) -> Value:
    """A value; where the other side is a date, a quoted day becomes one."""
    value = _value(node)
    if not (isinstance(node, exp.Literal) and node.is_string):
        return value
    mine, theirs = node.name, _value(other)
    return lambda row: date.fromisoformat(mine) if isinstance(theirs(row), date) else mine


def _applied(apply: Callable[[Any], Any], value: Value) -> Value:
    def found(row: Row) -> Any:
        given = value(row)
        return None if given is None else apply(given)

    return found


def _compared(compare: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    def found(row: Row) -> Any:
        one, other = left(row), right(row)
        return None if one is None or other is None else compare(one, other)

    return found


def _joined(left: Value, right: Value, *, decides: bool) -> Value:
    """`or` when True decides, `and` when False does; a missing side leaves it open unless the other decides."""

    def found(row: Row) -> Any:
        one = left(row)
        if one is decides:
            return decides
        other = right(row)
        if other is decides:
            return decides
        return None if one is None or other is None else not decides

    return found


def _first(values: Sequence[Value]) -> Value:
    return lambda row: next((found for value in values if (found := value(row)) is not None), None)


def _among(value: Value, listed: Sequence[Any]) -> Value:
    days = {date.fromisoformat(str(each)) for each in listed} if _are_days(listed) else set()
    words = frozenset(listed)

    def found(row: Row) -> Any:
        given = value(row)
        return None if given is None else given in (days if isinstance(given, date) else words)

    return found


def _are_days(listed: Sequence[Any]) -> bool:
    try:
        return all(date.fromisoformat(each) for each in listed)
    except (TypeError, ValueError):
        return False


def _is(value: Value, wanted: Any) -> Value:
    return lambda row: value(row) is wanted
