"""The shipped rules and one more, of any severity and basis, about every plan that touches anybody."""

from __future__ import annotations

from datetime import date

from liftwright.domain.policy import PolicyBundle, Rule, RuleBasis, RuleTest, Severity, Source
from liftwright.library import DiskLibrary


class Planted(DiskLibrary):
    """The shipped rules and one more about every plan that touches anybody."""

    def __init__(self, severity: Severity, *, basis: RuleBasis = "house") -> None:
        super().__init__()
        self._severity, self._basis = severity, basis

    def policies(self) -> PolicyBundle:
        """See the class."""
        bundle = super().policies()
        rule = Rule(
            id="PLANTED",
            version=1,
            scope="plan",
            basis=self._basis,
            jurisdiction=("ANY",),
            severity=self._severity,
            facts=("touches",),
            violated_when="touches > 0",
            says="Somebody is contacted.",
            fix="Contact nobody.",
            source=Source(cite="House rule 7", checked_on=date(2026, 11, 21), confidence="own"),
            tests=(RuleTest(facts={"touches": 1}, violates=True), RuleTest(facts={"touches": 0}, violates=False)),
        )
        return bundle.model_copy(update={"rules": (*bundle.rules, rule), "digest": f"{bundle.digest}-{self._severity}"})
