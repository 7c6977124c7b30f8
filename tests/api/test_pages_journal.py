"""The journal's page: newest first, a page at a time, about what one asks; the chain is walked only where somebody asks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import Open, Waiting, empty, send

from liftwright.flow import leafing, people
from screens import SCREENS
from tampered_journal import behind_its_back


def _numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r'<tr><td class="n">(\d+)</td>', text)]


def _link(text: str, rel: str) -> str | None:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', text)
    return found[1].replace("&amp;", "&") if found else None


def test_pages_lead_to_the_oldest_entry_and_back_and_show_each_once(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    for number in range(250):
        deps.journal.append(at=deps.now(), actor="ann", action="note.made", subject=f"s{number % 2}", detail={"n": number})
    seen, path = [], "/journal"
    while path:
        text = client.get(path).text
        assert len(_numbers(text)) <= leafing.PAGE
        seen += _numbers(text)
        path = _link(text, "next")
    assert seen == list(range(250, 0, -1))
    assert _link(client.get("/journal").text, "prev") is None
    newer = _link(text, "prev")
    assert newer
    assert _numbers(client.get(newer).text) == list(range(150, 50, -1))


def test_filters_hold_on_the_next_page_too(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    for number in range(240):
        action = "note.made" if number % 2 else "other.made"
        deps.journal.append(at=deps.now(), actor="ann", action=action, subject="s & 1", detail={})
    text = client.get("/journal", params={"subject": "s & 1", "action": "note."}).text
    older = _link(text, "next")
    assert older
    rest = client.get(older).text
    assert _numbers(text) + _numbers(rest) == list(range(240, 0, -2))
    assert "other.made" not in rest
    assert "No entry is about this" in client.get("/journal?subject=nothing").text


def test_the_chain_is_walked_only_where_somebody_asks_and_a_broken_one_is_said_to_be(waiting: Waiting) -> None:
    client, deps, _ = waiting
    assert "The chain" not in client.get("/journal").text.replace("Verify the whole chain", "")
    assert "The chain holds" in client.get("/journal?verify=1").text
    engine = deps.journal._engine
    behind_its_back(engine, "UPDATE journal SET entry = replace(entry, 'liftwright', 'mallory') WHERE seq = 1")
    assert client.get("/journal").status_code == 200
    assert "The chain is broken" in client.get("/journal?verify=1").text


def test_an_entry_that_cannot_be_read_is_a_clear_problem_and_verifying_still_answers(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    for number in range(3):
        deps.journal.append(at=deps.now(), actor="ann", action="note.made", subject="s", detail={"n": number})
    behind_its_back(deps.journal._engine, "UPDATE journal SET entry = '[]' WHERE seq = 3")
    answer = client.get("/journal")
    assert answer.status_code == 422
    assert "Entry 3" in answer.text
    assert _numbers(client.get("/journal?before=3").text) == [2, 1]
    assert "The chain is broken" in client.get("/journal?verify=1").text


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_spoilt_entry_about_a_campaign_is_named_and_breaks_no_page(measured: Waiting, which: str) -> None:
    client, deps, campaign = measured
    name = campaign.campaign_id
    about = deps.journal.entries(subject=name)
    number = (about[0] if which == "first" else about[-1]).seq
    behind_its_back(deps.journal._engine, "UPDATE journal SET entry = '[]' WHERE seq = :number", number=number)
    pages = (f"/campaigns/{name}", f"/approvals/{name}", f"/explain/C000001?campaign={name}", f"/campaigns/{name}/report.html")
    found = {path: client.get(path) for path in (*SCREENS, *pages)}
    for path, answer in found.items():
        assert answer.status_code in (200, 422), path
        if answer.status_code == 422:
            assert f"Entry {number} of the journal" in answer.text, path
            assert "liftwright journal verify" in answer.text, path
    assert found[f"/campaigns/{name}"].status_code == 422
    assert found["/"].status_code == found["/campaigns"].status_code == found["/data"].status_code == 200
    stop = send(client, f"/campaigns/{name}", "/", do="stop", by="Ann", reason="enough")
    assert stop.status_code in (200, 422)
    assert deps.campaigns.get(name).status == "stopped", "the kill switch works all the same"


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=1e3", "after=" + "9" * 40, "before=%D9%A3", "before=1;2"])
def test_a_page_that_is_no_number_is_refused(waiting: Waiting, query: str) -> None:
    answer = waiting[0].get(f"/journal?{query}")
    assert answer.status_code == 422
    assert "no number of an entry" in answer.text


def test_what_people_wrote_stays_text(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    nasty = "<script>alert(1)</script>\"'&"
    deps.journal.append(at=deps.now(), actor=nasty, action=nasty, subject=nasty, detail={nasty: nasty})
    for path in ("/journal", f"/journal?subject={nasty.replace('&', '%26')}", f"/journal?action={nasty.replace('&', '%26')}"):
        text = client.get(path).text.split("<main", 1)[1]
        assert "<script>" not in text
        assert _numbers(text) == [1]


def test_strangers_are_led_to_the_door(waiting: Waiting) -> None:
    client, deps, _ = waiting
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    assert client.get("/journal?verify=1").url.path == "/sign-in"
