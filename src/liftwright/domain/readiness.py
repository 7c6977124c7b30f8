"""What the audit of the data says: gaps with what they put at risk, and three scores."""

from __future__ import annotations

from typing import Any, Literal

from liftwright.domain.base import Value
from liftwright.domain.money import Money
from liftwright.domain.policy import Severity

GapKind = Literal[
    "missing", "leakage", "wrong_label", "stale_column", "outcome_silence", "split_identity", "case_duplicate", "consent_conflict",
    "currency_mix", "unit_mix", "clock", "duplicate_event", "future_date", "encoding",
]  # fmt: skip


class Leak(Value):
    """A column not to learn from: the sign that gave it away, words with the figure, and its AUC for the outcome when used alone."""

    column: str
    sign: str
    says: str
    auc: float = 0.5


class Gap(Value):
    """One thing in the data that would make decisions wrong. `money_because` says how `money_at_risk` was reckoned.

    `concerned` counts rows, people or days, whichever `says` speaks of. A gap of severity `block` means: not ready.
    """

    kind: GapKind
    table: str
    column: str | None = None
    severity: Severity
    concerned: int
    says: str
    money_at_risk: Money | None = None
    money_because: str = ""
    fix: str

    def as_json(self) -> dict[str, Any]:
        """The shape of the JSON contract: what is unknown is left out."""
        shown = self.model_dump(mode="json", exclude={"money_at_risk", "money_because"}, exclude_none=True)
        if self.money_at_risk is not None:
            shown |= {"money_at_risk": self.money_at_risk.as_json(), "money_because": self.money_because}
        return shown


class Readiness(Value):
    """`scores` from 0 to 1 for identity, outcomes and latency; None where nothing tells."""

    ready: bool
    scores: dict[str, float | None]
    gaps: tuple[Gap, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape of the JSON contract."""
        return {"ready": self.ready, "scores": self.scores, "gaps": [gap.as_json() for gap in self.gaps]}
