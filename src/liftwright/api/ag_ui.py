"""A talk as events of the Agent User Interaction protocol (AG-UI 1.0), made from what is written down: for clients that draw their own screen.

A run is what one line of a person's words leads to. One event of ours may be several of theirs; the last of them carries our number as its id, those
before it the number and their place (`15.1`), so that a client that comes back gets each once. One connection gives one run, to its end.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from liftwright.api import talks
from liftwright.api.watch import Watch
from liftwright.domain.talk import TalkEvent
from liftwright.flow import shown, talking
from liftwright.ports import Deps

Json = dict[str, Any]
Place = tuple[int, float]
"""Number of an event of ours, and how many of the events made from it."""
Waits = Callable[[str], list[Json]]
PROTOCOL, WHOLE = "1.0", float("inf")
ENDS = ("RUN_FINISHED", "RUN_ERROR")
LOST = {
    "type": "RUN_ERROR",
    "code": "TALK-LOST",
    "message": "The answer to these words was lost with its process. Say them again; a plan goes on from its last checkpoint.",
}


def run_id(talk_id: str, seq: int) -> str:
    """The id of the run that the words with this number began."""
    return f"{talk_id}:{seq}"


def place(last_id: str, after: int) -> Place:
    """Where a client stopped: `Last-Event-ID` if it is one of ours, else the number it asks from."""
    found = re.fullmatch(r"([0-9]{1,11})(?:\.([0-9]{1,3}))?", last_id)
    if found is None:
        return after, WHOLE
    return int(found[1]), float(found[2]) if found[2] else WHOLE


class Teller:
    """Tells the events of one talk, in order, from its first; remembers which run and which agent's step are open."""

    def __init__(self, talk_id: str, *, waits: Waits) -> None:
        self._talk, self._waits = talk_id, waits
        self._run = self._step = ""

    @property
    def is_open(self) -> bool:
        """Whether a run began and did not end."""
        return bool(self._run)

    def told(self, event: TalkEvent, *, is_last: bool) -> list[Json]:
        """One event of ours as events of theirs. Only the last reply of a talk can wait for something; what waited earlier was answered since."""
        made = {
            "said": self._said,
            "working": lambda _: [],
            "step": self._stepped,
            "stopping": lambda _: [],
            "reply": self._replied,
            "failed": self._failed,
        }
        campaign_id = str(event.payload.get("campaign_id") or "")
        found = made[event.kind](event)
        if event.kind == "reply":
            found.append(self._finished(self._waits(campaign_id) if is_last and campaign_id else []))
        if event.kind in talking.ENDS:
            self._run = ""
        at = int(event.at.timestamp() * 1000)
        return [{**each, "timestamp": at} for each in found]

    def _said(self, event: TalkEvent) -> list[Json]:
        lost = [dict(LOST)] if self._run else []
        self._run, self._step = run_id(self._talk, event.seq), ""
        ids = {"threadId": self._talk, "runId": self._run}
        words = {"text": str(event.payload["text"]), "by": str(event.payload.get("by") or "")}
        return [*lost, {"type": "RUN_STARTED", **ids, "protocolVersion": PROTOCOL}, _custom("said", words)]

    def _stepped(self, event: TalkEvent) -> list[Json]:
        who, what = str(event.payload["who"]), str(event.payload["what"])
        opened: list[Json] = []
        if who != self._step:
            opened = [*self._closed(), {"type": "STEP_STARTED", "stepName": who}]
            self._step = who
        return [*opened, _custom("step", {"who": who, "what": what})]

    def _replied(self, event: TalkEvent) -> list[Json]:
        message = {"messageId": f"{self._talk}:{event.seq}"}
        return [
            *self._closed(),
            {"type": "TEXT_MESSAGE_START", **message, "role": "assistant"},
            {"type": "TEXT_MESSAGE_CONTENT", **message, "delta": str(event.payload["text"])},
            {"type": "TEXT_MESSAGE_END", **message},
        ]

    def _failed(self, event: TalkEvent) -> list[Json]:
        said = event.payload
        message = f"{said['says']} {said['next_step']}".strip()
        return [*self._closed(), {"type": "RUN_ERROR", "code": str(said["code"]), "message": message}]

    def _finished(self, interrupts: list[Json]) -> Json:
        outcome: Json = {"type": "interrupt", "interrupts": interrupts} if interrupts else {"type": "success"}
        return {"type": "RUN_FINISHED", "threadId": self._talk, "runId": self._run, "outcome": outcome}

    def _closed(self) -> list[Json]:
        step, self._step = self._step, ""
        return [{"type": "STEP_FINISHED", "stepName": step}] if step else []


def _custom(name: str, value: Json) -> Json:
    return {"type": "CUSTOM", "name": f"liftwright.{name}", "value": value}


def interrupts(campaign_id: str, *, decision: Json, deps: Deps) -> list[Json]:
    """The decisions a campaign waits for now. `decision`: JSON schema of the body that decides.

    Each says where the decision goes: it is made there, and never by the next run.
    """
    return [_approval(row, decision) for row in shown.approvals_json(deps=deps) if row["campaign_id"] == campaign_id]


def _approval(row: Json, decision: Json) -> Json:
    path = f"/v1/campaigns/{row['campaign_id']}/decisions"
    exactly = {**decision["properties"], "plan_hash": {"type": "string", "const": row["plan_hash"]}}
    says = f"{row['title']}. A person decides: POST {path} with the plan hash they saw."
    kept = {name: row[name] for name in ("campaign_id", "plan_hash", "risk", "trigger", "needs")}
    return {
        "id": row["approval_id"],
        "reason": "approval",
        "message": says,
        "responseSchema": {**decision, "properties": exactly},
        "expiresAt": row["due_at"],
        "metadata": {**kept, "answer": {"method": "POST", "path": path}},
    }


async def stream(talk_id: str, since: Place, *, watch: Watch, decision: Json, deps: Deps) -> AsyncIterator[str]:
    """Server-sent events of one run after a place, to its end; before the next run begins it waits. A run nobody works on any more ends as lost."""
    teller = Teller(talk_id, waits=lambda campaign_id: interrupts(campaign_id, decision=decision, deps=deps))
    latest: list[TalkEvent] = []
    yield "retry: 1000\n\n"
    async for found in talks.follow(talk_id, 0, watch=watch, deps=deps):
        for event in found:
            made = await asyncio.to_thread(teller.told, event, is_last=event is talking.latest(found))
            for number, each in enumerate(made, start=1):
                last = number == len(made)
                if (event.seq, WHOLE if last else float(number)) <= since:
                    continue
                yield _sent(each, f"{event.seq}" if last else f"{event.seq}.{number}")
                if each["type"] in ENDS:
                    return
        latest = found[-1:] or latest
        if teller.is_open and not talking.is_working(latest, deps=deps):
            yield f"retry: 30000\n{_sent(LOST)}"
            return
        if not found:
            yield ": still here\n\n"


def _sent(event: Json, number: str = "") -> str:
    mark = f"id: {number}\n" if number else ""
    return f"{mark}data: {json.dumps(event)}\n\n"
