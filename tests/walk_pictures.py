"""Names of the pictures of the walk in the README; the browser test makes them, `make pictures` keeps them."""

from __future__ import annotations

WALK = ("1-goal", "2-agents", "3-plan", "4-review", "5-approvals", "6-results", "7-why")
