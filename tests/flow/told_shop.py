"""A shop with staff who are told of approvals by real mail, and a program that is told by a real webhook."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from staffed import STAFF, Strict, house_of

from liftwright import wiring
from liftwright.flow import notifying, people
from liftwright.ports import Deps
from liftwright.settings.notify import NotifySettings
from post_office import Mailbox, Receiver

BASE = "https://lw.shop.example"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def with_notify(deps: Deps, **notify: Any) -> Deps:
    """The same shop with `[notify]` in its settings."""
    settings = deps.settings.model_copy(update={"notify": NotifySettings.model_validate({"base_url": BASE, **notify})})
    return replace(deps, settings=settings, library=Strict(), notifiers=lambda: wiring.notifiers(settings))


def ways(mail_port: int, hook_url: str) -> dict[str, Any]:
    """Both ways, to servers on this machine."""
    hooks = {"chat": {"url": hook_url, "secret_env": "CHAT_SECRET"}}
    return {"smtp": f"smtp://127.0.0.1:{mail_port}", "from_email": "lw@shop.example", "webhooks": hooks}


def staffed(shop: Deps) -> Deps:
    """The shop with its staff, each with an address of their own."""
    deps = house_of(shop)
    for name, roles in STAFF.items():
        people.put(name, roles=roles, is_active=True, by="ada", email=f"{name}@shop.example", deps=deps)
    return deps


@dataclass
class Office:
    """The shop, and what left it."""

    deps: Deps
    mailbox: Mailbox
    receiver: Receiver

    def tell(self, *, worker: str = "w1") -> dict[str, int]:
        """One round of a worker."""
        return notifying.tell(deps=self.deps, worker=worker)

    @property
    def mails(self) -> list[tuple[str, str]]:
        """(who, first words of the subject) of every mail that arrived."""
        found = [(str(message["To"]).partition("@")[0], str(message["Subject"])) for message in self.mailbox.messages()]
        return sorted((who, subject.partition(" (")[0]) for who, subject in found)

    @property
    def posts(self) -> list[str]:
        """The types of what the webhook got, in order."""
        return [body["type"] for body in self.receiver.bodies()]

    def states(self, approval_id: str) -> dict[tuple[str, str], str]:
        """(receiver, kind) to state."""
        return {(each.recipient, each.kind): each.state for each in self.deps.notices.of(approval_id)}
