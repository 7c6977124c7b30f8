"""The OpenAPI document says what the API does: every refusal is a problem, examples are true, and a program that tries everything finds no surprise."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import hypothesis
import pytest
import schemathesis
from calling import Call
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import plain_shop
from liftwright.api.v1 import bodies

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, told) for path, each in document["paths"].items() for method, told in each.items()]


def test_every_operation_has_a_name_a_tag_words_and_problems(call: Call) -> None:
    document = call(plain_shop.furnished())[0].get("/openapi.json").json()
    names = [told["operationId"] for _, _, told in operations(document)]
    assert len(names) == len(set(names)) >= 13
    for path, method, told in operations(document):
        assert told["tags"], path
        assert told["description"], path
        assert {"401", "403", "422", "429"} <= set(told["responses"])
        assert ("409" in told["responses"]) == (method == "post")
        for status, answer in told["responses"].items():
            if status[0] == "2":
                (content,) = answer["content"].items()
                assert content[0] == "text/event-stream" or "example" in content[1], path
            else:
                problem = answer["content"]["application/problem+json"]
                assert list(answer["content"]) == ["application/problem+json"]
                assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert set(problem["example"]) == set(document["components"]["schemas"]["Problem"]["required"])


@pytest.mark.parametrize("name", ["GoalIn", "AnswerIn", "DecisionIn", "StopIn", "VisitIn", "VisitEventIn", "WordsIn"])
def test_examples_of_bodies_are_bodies(call: Call, name: str) -> None:
    schema = call(plain_shop.furnished())[0].get("/openapi.json").json()["components"]["schemas"][name]
    (example,) = schema["examples"]
    assert getattr(bodies, name).model_validate(example).model_dump(mode="json", exclude_unset=True) == example


def test_examples_of_answers_name_only_what_answers_have(call: Call) -> None:
    home, campaign = plain_shop.launched()
    client, _ = call(home)
    document = client.get("/openapi.json").json()

    def example(path: str, method: str, status: str = "200") -> Any:
        return document["paths"][path][method]["responses"][status]["content"]["application/json"]["example"]

    for path in ("/v1/campaigns", "/v1/journal"):
        assert set(example(path, "get")[0]) <= set(client.get(path).json()[0]), path
    waiting, _ = call(plain_shop.planned()[0])
    assert set(example("/v1/approvals", "get")[0]) <= set(waiting.get("/v1/approvals").json()[0])
    one = "/v1/campaigns/{campaign_id}"
    for path in (one, f"{one}/report"):
        answer = client.get(path.format(campaign_id=campaign.campaign_id)).json()
        assert set(example(path, "get")) <= set(answer), path
    stopped = client.post(f"/v1/campaigns/{campaign.campaign_id}/stop", json={"by": "Ann", "reason": "enough"}).json()
    assert set(example(f"{one}/stop", "post")) <= set(stopped)
    visitor = "/v1/visitors/{customer_id}"
    acted = client.post("/v1/visitors/C000001/next-action").json()
    assert set(example(f"{visitor}/next-action", "post")) <= set(acted)
    seen = client.post("/v1/visitors/C000001/events", json={"session": "s", "type": "click"}).json()
    assert set(example(f"{visitor}/events", "post", "201")) <= set(seen)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_is_answered_as_described(call: Call, mode: GenerationMode) -> None:
    home, campaign = plain_shop.planned()
    client, _ = call(home, server={"requests_per_minute": 0, "hosts": ["*"]})
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    tried: Counter[str] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        cases = operation.as_strategy(generation_mode=mode)

        @hypothesis.settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(case=cases, is_real=st.booleans())
        def anything(case: Any, is_real: bool) -> None:
            tried[case.operation.label] += 1
            if is_real and case.path_parameters:
                real = {"campaign_id": campaign.campaign_id, "customer_id": "C000001", "talk_id": "t-none"}
                case.path_parameters |= {name: real[name] for name in case.path_parameters}
            case.call_and_validate(checks=CHECKS)

        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            anything()
    assert len(tried) >= (13 if mode is GenerationMode.POSITIVE else 9), tried
