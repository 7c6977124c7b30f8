"""What a campaign's page says of its checks where there is nothing to check with."""

from __future__ import annotations

from pathlib import Path

import plain_shop
from liftwright.flow import believing, measured, proof


def test_what_is_not_known_is_not_said_to_be_in_order(tmp_path: Path) -> None:
    home, campaign = plain_shop.launched()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"))
    now = measured.now(campaign.campaign_id, deps=deps)
    figures = proof.by_key(measured.figures(now, deps=deps))
    unknown = {key: figures[key] | {"mid": None} for key in ("health.silence", "health.prior_p")}
    checks = {each["key"]: each for each in believing.checks(now.seen, now.report, figures | unknown)}
    assert not checks["health.silence"]["ok"], "no event ever came in"
    assert "is tracking broken?" in checks["health.silence"]["says"]
    assert "cannot be compared" in checks["health.prior_p"]["says"]
    plain_shop.close(deps)
