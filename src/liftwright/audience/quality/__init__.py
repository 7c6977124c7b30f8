"""What is wrong or missing in the data: findings for a plan, and the readiness audit with what each gap puts at risk."""

from liftwright.audience.quality.planning import findings
from liftwright.audience.quality.readiness import audit

__all__ = ["audit", "findings"]
