"""A worker that tells of approvals and is ended by kill -9 at a chosen point. Run with a JSON file that says where and when."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from small_shop import Clock, open_shop
from told_shop import ways, with_notify

from liftwright.channels import notices as channel
from liftwright.flow import notifying
from liftwright.store.notices import SqlNotices

STEPS: dict[str, tuple[Any, str]] = {
    "plan": (SqlNotices, "plan"),
    "claim": (SqlNotices, "claim"),
    "mail": (channel, "transmit"),
    "post": (channel, "signed"),
    "settle": (SqlNotices, "settle"),
}


def arm(point: str) -> None:
    """Die at `<step>:<before|after>`, the first time it is reached."""
    name, when = point.split(":")
    owner, attribute = STEPS[name]
    setattr(owner, attribute, _deadly(getattr(owner, attribute), when))


def _deadly(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    def dying(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return dying


def main(case: dict[str, Any]) -> None:
    """One round of a worker in a shop where something waits."""
    arm(case["point"])
    shop = open_shop(Path(case["home"]), database_url=case["url"], now=Clock(datetime.fromisoformat(case["now"])))
    notifying.tell(deps=with_notify(shop, **ways(case["mail_port"], case["hook_url"])), worker="doomed")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
