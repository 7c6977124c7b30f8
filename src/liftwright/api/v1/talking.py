"""Talks by program: say words, and follow what they lead to as AG-UI events."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from liftwright.api import ag_ui, talks
from liftwright.api.v1 import describing
from liftwright.api.v1.bodies import DecisionIn, WordsIn
from liftwright.api.v1.door import Door
from liftwright.api.watch import Watch
from liftwright.flow import talking

SAID = {"talk_id": "t-5f0a1b2c3d4e5f60", "run_id": "t-5f0a1b2c3d4e5f60:1", "events": "/v1/talks/t-5f0a1b2c3d4e5f60/ag-ui?after=0"}
STREAM = {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def routes(door: Door, watch: Watch) -> APIRouter:
    """POST /v1/talks and GET /v1/talks/{id}/ag-ui."""
    router = APIRouter(prefix="/v1/talks", tags=["talks"])

    @router.post("", status_code=202, responses=describing.answers(SAID, 404, *describing.WRITES, status=202))
    def say_words(request: Request, words: WordsIn) -> dict[str, Any]:
        """Say a goal, an answer, a question or a change; the work goes on while the events are followed."""
        now = door.enter(request, "plan", by=words.by)
        if words.talk_id is not None:
            talking.whole(words.talk_id, deps=now)
        talk_id = words.talk_id or talking.new_id()
        seq = talks.begin(talk_id, words.text, by=words.by, deps=now, campaign_id=words.campaign_id)
        events = f"/v1/talks/{talk_id}/ag-ui?after={seq - 1}"
        return {"talk_id": talk_id, "run_id": ag_ui.run_id(talk_id, seq), "events": events}

    @router.get(
        "/{talk_id}/ag-ui",
        response_class=StreamingResponse,
        responses=describing.answers({}, 404, *describing.READS) | {200: STREAM},
    )
    def follow_talk(request: Request, talk_id: str, after: int = 0) -> StreamingResponse:
        """Follow one run of a talk as events of the Agent User Interaction protocol."""
        now = door.enter(request, "read")
        talking.whole(talk_id, deps=now)
        since = ag_ui.place(request.headers.get("last-event-id", ""), after)
        stream = ag_ui.stream(talk_id, since, watch=watch, decision=DecisionIn.model_json_schema(), deps=now)
        return StreamingResponse(stream, media_type="text/event-stream")

    return router
