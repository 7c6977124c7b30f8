"""Pages of rules: found by their words, one with its tests run, tried on a text; waivers with the rights of the command line."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import Open, Waiting, empty, send
from fastapi.testclient import TestClient

import plain_shop
from liftwright.compliance import waivers
from liftwright.flow import people, rulebook, waiving
from liftwright.ports import Deps


def _waivable(deps: Deps) -> str:
    return next(rule.id for rule in deps.library.policies().rules if not waivers.why_never(rule))


def _listed(client: TestClient, **asked: str) -> set[str]:
    return set(re.findall(r'<tr id="([^"]+)">', client.get("/policies", params=asked).text))


def test_rules_are_found_by_scope_severity_and_words(waiting: Waiting) -> None:
    client, deps, _ = waiting
    rules = deps.library.policies().rules
    assert _listed(client) == {rule.id for rule in rules}
    assert _listed(client, scope="content", severity="block") == {
        rule.id for rule in rules if (rule.scope, rule.severity) == ("content", "block")
    }
    one = rules[0]
    assert one.id in _listed(client, text=one.id.lower())
    assert _listed(client, text="nosuchword") == set()


@pytest.mark.parametrize("asked", [{"scope": "everything"}, {"severity": "<b>"}, {"since": "c-nosuch"}])
def test_a_filter_that_does_not_exist_is_refused(waiting: Waiting, asked: dict[str, str]) -> None:
    answer = waiting[0].get("/policies", params=asked)
    assert answer.status_code in (404, 422)
    assert "<b>" not in answer.text.split("<main", 1)[1]


def test_every_rule_has_a_page_with_its_source_predicate_and_tests_that_hold(waiting: Waiting) -> None:
    client, deps, _ = waiting
    for rule in deps.library.policies().rules[::8]:
        text = client.get(f"/policies/{rule.id}").text
        assert f"{len(rule.tests)} of {len(rule.tests)} hold now" in text, rule.id
        assert "It is violated when" in text
        assert ("Ask for a waiver" in text) == (not waivers.why_never(rule))
    missing = client.get("/policies/NO-SUCH-RULE")
    assert missing.status_code == 404
    assert "There is no rule" in missing.text


def test_a_test_that_does_not_hold_is_said_not_to(browse: Open) -> None:
    _, deps = browse(plain_shop.furnished())
    bundle = deps.library.policies()
    rule = bundle.rules[0]
    wrong = rule.tests[0].model_copy(update={"violates": not rule.tests[0].violates})
    changed = bundle.model_copy(update={"rules": (rule.model_copy(update={"tests": (wrong, *rule.tests[1:])}),)})

    class Changed:
        def policies(self) -> Any:
            return changed

    import dataclasses

    found = rulebook.one(rule.id, deps=dataclasses.replace(deps, library=Changed()))
    assert [each.holds for each in found.tests] == [False, *[True] * (len(rule.tests) - 1)]


def test_a_waiver_is_asked_for_approved_by_another_and_taken_back(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    rule = _waivable(deps)
    page = f"/policies/{rule}"
    asked = send(
        client, "/policies/waive", page, rule=rule, reason="<b>fair</b>", days="3", campaign=campaign.campaign_id, by="Ann"
    )
    assert asked.url.path == page
    assert "waits for somebody else" in asked.text
    assert "<b>fair" not in asked.text
    (made,) = waiving.every(deps=deps)
    assert (made.scope, made.asked_by) == (campaign.campaign_id, "Ann")
    own = send(client, "/policies/approve", page, waiver=made.waiver_id, by="Ann")
    assert own.status_code == 409
    assert "nobody approves their own" in own.text
    assert "<strong>holds</strong>" in send(client, "/policies/approve", page, waiver=made.waiver_id, by="Bob").text
    assert "taken back by Cy" in send(client, "/policies/revoke", page, waiver=made.waiver_id, by="Cy").text
    assert not waiving.every(deps=deps)[0].holds(deps.now() + timedelta(minutes=1))


@pytest.mark.parametrize(
    "fields", [{"days": "0"}, {"days": "31"}, {"days": "-3"}, {"days": "٣"}, {"reason": " "}, {"by": " "}, {"rule": "NO-SUCH"},
               {"campaign": "c-nosuch"}]
)  # fmt: skip
def test_a_wrong_order_makes_no_waiver(waiting: Waiting, fields: dict[str, str]) -> None:
    client, deps, _ = waiting
    given = {"rule": _waivable(deps), "reason": "why", "days": "3", "by": "Ann"} | fields
    assert send(client, "/policies/waive", "/policies", **given).status_code in (403, 404, 422)
    assert waiving.every(deps=deps) == []


def test_the_law_is_never_waived(waiting: Waiting) -> None:
    client, deps, _ = waiting
    law = next(rule.id for rule in deps.library.policies().rules if rule.basis == "law")
    answer = send(client, "/policies/waive", "/policies", rule=law, reason="why", days="3", by="Ann")
    assert answer.status_code == 403
    assert "never be waived" in answer.text
    assert send(client, "/policies/approve", "/policies", waiver="w-nosuch", by="Bob").status_code == 404


def test_with_users_roles_count_and_the_typed_name_does_not(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    rule = _waivable(deps)
    made = None
    for name, roles in (("mia", ["marketer"]), ("leo", ["approver"]), ("cleo", ["compliance"])):
        people.put(name, roles=roles, is_active=True, by="ada", deps=deps)
        client.cookies.clear()
        assert client.get(f"/policies/{rule}").url.path == "/sign-in"
        assert send(client, "/policies/approve", "/sign-in", waiver="w-1", by="cleo").status_code == 401
        send(client, "/sign-in", "/sign-in", name=name, key=people.new_key(name, by="ada", deps=deps))
        if name == "mia":
            send(client, "/policies/waive", f"/policies/{rule}", rule=rule, reason="why", days="3", by="cleo")
            (made,) = waiving.every(deps=deps)
            assert made.asked_by == "mia"
        assert made is not None
        answer = send(client, "/policies/approve", f"/policies/{rule}", waiver=made.waiver_id, by="cleo")
        assert answer.status_code == (200 if name == "cleo" else 409)
    assert waiving.every(deps=deps)[0].approved_by == "cleo"


def test_since_a_plan_says_that_nothing_differs_which_waiver_came_or_that_it_cannot_be_told(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    path = f"/policies?since={campaign.campaign_id}"
    assert "Nothing differs" in client.get(path).text
    rule = _waivable(deps)
    made = waiving.ask(rule, campaign_id=campaign.campaign_id, reason="why", days=3, by="Ann", deps=deps)
    waiving.approve(made.waiver_id, by="Bob", deps=deps)
    text = client.get(path).text
    assert "does not count now: waived" in text
    assert rule in text.split("Rules that differ")[1].split("</table>")[0]
    plan = deps.campaigns.plan(campaign.campaign_id)
    assert plan is not None
    other = plan.model_copy(
        update={"revision": plan.revision + 1, "pins": plan.pins.model_copy(update={"policies": "sha256:" + "0" * 64})}
    )
    deps.campaigns.save_plan(other, by="test", at=deps.now(), changes={})
    assert "cannot be told" in client.get(path).text


def test_a_text_is_tried_and_nothing_is_kept(waiting: Waiting) -> None:
    client, deps, _ = waiting
    before = len(deps.journal.entries())
    bad = "The best shoes in the world <script>1</script>, guaranteed 90% off, only 2 left!"
    answer = send(client, "/policies/try", "/policies", text=bad, subject="Hi", channel="email", country="us")
    assert answer.status_code == 200
    assert 'class="finding block"' in answer.text
    assert "<script>1" not in answer.text
    said = rulebook.tried(bad, channel="email", country="US", subject="Hi", deps=deps)
    assert {finding.rule for finding in said} == set(re.findall(r"</strong> <code>([\w-]+)</code>", answer.text))
    assert len(deps.journal.entries()) == before


@pytest.mark.parametrize(
    "fields", [{"text": " "}, {"text": "x" * 10_001}, {"channel": "pigeon"}, {"country": "USA"}, {"country": "1'"}]
)
def test_a_wrong_text_channel_or_country_is_refused(waiting: Waiting, fields: dict[str, str]) -> None:
    given = {"text": "Our shoes", "channel": "email", "country": "US"} | fields
    assert send(waiting[0], "/policies/try", "/policies", **given).status_code == 422


@pytest.mark.parametrize("path", ["/policies/try", "/policies/waive", "/policies/approve", "/policies/revoke"])
def test_a_form_without_its_token_is_refused(waiting: Waiting, path: str) -> None:
    client, deps, _ = waiting
    client.get("/policies")
    assert client.post(path, data={"rule": _waivable(deps), "reason": "why", "days": "3", "by": "Ann"}).status_code == 403
    assert waiving.every(deps=deps) == []


def test_an_empty_workspace_says_what_a_text_needs(browse: Open, tmp_path: Path) -> None:
    client, _ = browse(empty(tmp_path))
    answer = send(client, "/policies/try", "/policies", text="Our shoes", channel="email", country="US")
    assert answer.status_code == 422
    assert "No data has been imported" in answer.text
