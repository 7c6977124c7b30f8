"""The language of rules: one boolean SQL expression over declared facts, read by sqlglot and checked against a list of what may stand in it.

Nothing but declared facts, literals, comparisons, `and or not in between is`, arithmetic and five functions gets through; types are
checked here, so a rule that compares a word with a number never reaches an engine. What runs is written again from the tree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

LONGEST, DEEPEST = 4_000, 40
"""Characters of a predicate, and levels of its tree."""
KINDS = {"text": "text", "integer": "number", "number": "number", "boolean": "boolean", "date": "date"}
"""Declared type of a fact to the kind of value a predicate sees."""
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_PARTS: dict[type[exp.Expression], frozenset[str]] = {
    **dict.fromkeys((*COMPARISONS, *ARITHMETIC, exp.And, exp.Or), frozenset({"this", "expression"})),
    **dict.fromkeys((exp.Not, exp.Paren, exp.Neg, exp.Lower, exp.Length, exp.Column, exp.Boolean), frozenset({"this"})),
    **dict.fromkeys((exp.Contains, exp.RegexpLike, exp.Is), frozenset({"this", "expression"})),
    exp.In: frozenset({"this", "expressions"}),
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Identifier: frozenset({"this"}),
    exp.Null: frozenset(),
}
"""What may stand in a predicate, and the parts each may have."""
FLAGS: dict[type[exp.Expression], frozenset[str]] = {exp.Div: frozenset({"typed", "safe"})}
"""Parts that the reader sets by itself and that say nothing."""


class UnknownFactError(ValueError):
    """A name that is not a declared fact of the rule's scope."""


@dataclass(frozen=True)
class Predicate:
    """A predicate that holds against its facts. `sql` is its canonical form in DuckDB's words."""

    tree: exp.Expression

    @cached_property
    def sql(self) -> str:
        """The predicate written again from its tree: no comment and no hidden character survives."""
        return str(self.tree.sql(dialect="duckdb"))

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts it speaks about, in order of appearance."""
        return facts_of_tree(self.tree)


def read(text: str, kinds: Mapping[str, str]) -> Predicate:
    """Read a predicate whose facts have these kinds (text, number, boolean, date).

    Raises UnknownFactError for a name that is no fact (its only argument), ValueError with a sentence for everything else.
    """
    return _read(text, tuple(sorted(kinds.items())))


def facts_used(text: str) -> tuple[str, ...]:
    """The facts a predicate speaks about, in order of appearance. Raises ValueError when it cannot be read."""
    return facts_of_tree(_tree(text))


def facts_of_tree(tree: exp.Expression) -> tuple[str, ...]:
    """Names of the columns of a tree, in order of appearance."""
    return tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column, bfs=False)))


@lru_cache(maxsize=4096)
def _read(text: str, kinds: tuple[tuple[str, str], ...]) -> Predicate:
    tree = _tree(text)
    kind = _Checker(dict(kinds)).kind(tree)
    if kind != "boolean":
        raise ValueError(f"it gives {kind}, and must be true or false")
    return Predicate(tree)


@lru_cache(maxsize=4096)
def _tree(text: str) -> exp.Expression:
    _refuse_characters(text)
    try:
        statements = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        first = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()[0].rstrip(".")
        raise ValueError(f"it cannot be read: {first}") from error
    if len(statements) != 1 or statements[0] is None:
        raise ValueError("it is empty or more than one expression")
    tree = statements[0]
    assert isinstance(tree, exp.Expression)
    for node, depth in _nodes(tree):
        _refuse(node, depth)
    return tree


def _refuse_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and may have {LONGEST:,}")
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if unicodedata.category(character)[0] == "C" and character not in "\t\n\r":
            raise ValueError(f"the character U+{ord(character):04X} at place {place + 1} cannot stand in a predicate")
        if unicodedata.category(character) in ("Zl", "Zp") or (character.isspace() and not character.isascii()):
            raise ValueError(f"the character U+{ord(character):04X} at place {place + 1} cannot stand in a predicate")


def _nodes(tree: exp.Expression) -> Iterator[tuple[exp.Expression, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in node.iter_expressions()]


def _refuse(node: exp.Expression, depth: int) -> None:
    """Raises ValueError for a node, or a part of one, that is not on the list."""
    if depth > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if node.comments:
        raise ValueError("a comment cannot stand in a predicate")
    allowed = _PARTS.get(type(node))
    if allowed is None:
        raise ValueError(f"'{_words(node)}' cannot stand in a predicate")
    flags = FLAGS.get(type(node), frozenset())
    others = [name for name, part in node.args.items() if part not in (None, False, []) and name not in allowed | flags]
    if others:
        raise ValueError(f"'{_words(node)}' cannot stand in a predicate ({', '.join(others)})")
    if isinstance(node, exp.Literal) and not node.is_string and not re.fullmatch(r"\d+(\.\d+)?", node.name, re.ASCII):
        raise ValueError(f"'{node.name}' is not a plain number")


def _words(node: exp.Expression) -> str:
    found = str(node.sql(dialect="duckdb"))
    return found if len(found) <= 40 else f"{found[:37]}..."


@dataclass(frozen=True)
class _Checker:
    """Kinds of values: what each node gives, and what it must be given."""

    kinds: Mapping[str, str]

    def kind(self, node: exp.Expression) -> str:
        """text, number, boolean, date or null. Raises ValueError where kinds do not fit."""
        match node:
            case exp.Paren():
                return self.kind(node.this)
            case exp.Column():
                return self._fact(node)
            case exp.Literal():
                return "text" if node.is_string else "number"
            case exp.Boolean():
                return "boolean"
            case exp.Null():
                return "null"
            case exp.Coalesce():
                return self._alike([node.this, *node.expressions], node)
            case exp.Lower():
                return self._must(node.this, "text", node, gives="text")
            case exp.Length():
                return self._must(node.this, "text", node, gives="number")
            case exp.Neg():
                return self._must(node.this, "number", node, gives="number")
        return self._of_several(node)

    def _of_several(self, node: exp.Expression) -> str:
        match node:
            case exp.And() | exp.Or():
                self._must(node.this, "boolean", node)
                return self._must(node.expression, "boolean", node)
            case exp.Not():
                return self._must(node.this, "boolean", node)
            case exp.Is():
                return self._is(node)
            case exp.In():
                self._alike([node.this, *node.expressions], node)
                return self._literals(node.expressions, node)
            case exp.Between():
                self._alike([node.this, node.args["low"], node.args["high"]], node)
                return "boolean"
            case exp.Contains() | exp.RegexpLike():
                self._must(node.this, "text", node)
                self._must(node.expression, "text", node)
                return self._pattern(node) if isinstance(node, exp.RegexpLike) else "boolean"
        if isinstance(node, ARITHMETIC):
            self._must(node.this, "number", node)
            return self._must(node.expression, "number", node, gives="number")
        self._alike([node.this, node.expression], node)
        return "boolean"

    def _fact(self, node: exp.Column) -> str:
        if node.this.args.get("quoted") or node.name not in self.kinds:
            raise UnknownFactError(node.name)
        return self.kinds[node.name]

    def _must(self, node: exp.Expression, wanted: str, inside: exp.Expression, *, gives: str = "boolean") -> str:
        found = self.kind(node)
        if found != wanted:
            raise ValueError(f"'{_words(inside)}' needs a {wanted} where '{_words(node)}' is a {found}")
        return gives

    def _alike(self, nodes: list[exp.Expression], inside: exp.Expression) -> str:
        found = [self.kind(node) for node in nodes]
        if "date" in found:
            found = ["date" if _is_day(node) else kind for node, kind in zip(nodes, found, strict=True)]
        if len(set(found)) != 1 or found[0] == "null":
            raise ValueError(
                f"'{_words(inside)}' puts {' and '.join(sorted(set(found)))} side by side; write 'is null' for what is missing"
            )
        return found[0]

    def _literals(self, nodes: list[exp.Expression], inside: exp.Expression) -> str:
        if not nodes or not all(isinstance(node, exp.Literal) for node in nodes):
            raise ValueError(f"'{_words(inside)}' needs a list of words or numbers")
        return "boolean"

    def _is(self, node: exp.Is) -> str:
        if not isinstance(node.expression, exp.Null | exp.Boolean):
            raise ValueError(f"'{_words(node)}': after 'is' comes null, true or false")
        kind = self.kind(node.this)
        if isinstance(node.expression, exp.Boolean) and kind != "boolean":
            raise ValueError(f"'{_words(node)}': '{_words(node.this)}' is a {kind}")
        return "boolean"

    def _pattern(self, node: exp.RegexpLike) -> str:
        if not isinstance(node.expression, exp.Literal):
            raise ValueError(f"'{_words(node)}' needs a pattern in quotes")
        try:
            re.compile(node.expression.name)
        except re.error as error:
            raise ValueError(f"the pattern of '{_words(node)}' is broken: {error}") from error
        return "boolean"


def _is_day(node: exp.Expression) -> bool:
    """Whether a quoted word is a day, as compared with a date."""
    if not isinstance(node, exp.Literal) or not node.is_string:
        return False
    try:
        date.fromisoformat(node.name)
    except ValueError:
        return False
    return True
