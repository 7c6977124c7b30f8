"""Plain economics of a few people for tests of what a touch is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from liftwright.planning.treatments import Economics


def economics(people: int = 4, **changes: Any) -> Economics:
    """Everybody buys with a chance of .1 for 50 at a rate of .4; contacts cost as usual."""
    values: dict[str, Any] = {
        "unit_cost": {"email": 0.002, "sms": 0.04, "web": 0.01, "push": 0.02, "direct_mail": 0.85},
        "buy_chance": np.full(people, 0.1),
        "order_revenue": np.full(people, 50.0),
        "margin_rate": np.full(people, 0.4),
        "recent_contacts": np.zeros(people),
        "discounts": {"save10": 0.1, "save30": 0.3},
    }
    return Economics(**(values | changes))
