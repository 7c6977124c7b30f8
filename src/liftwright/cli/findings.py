"""Findings as a person reads them in a terminal: how bad, which rule, how many, what it says, where that stands, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def finding_lines(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a finding."""
    return [_line(found) for found in findings]


def _line(found: Mapping[str, Any]) -> str:
    count = f"{found['count']:,} x " if found.get("count", 1) > 1 else ""
    source = f" [{found['source']}]" if found.get("source") else ""
    fix = f" → {found['fix']}" if found.get("fix") else ""
    return f"{found['severity']:<14} {found['rule']:<24} {count}{found['says']}{source}{fix}"
