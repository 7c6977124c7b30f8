"""Display advertising: as paid social, with a title of 60 and a text of 90 characters."""

from __future__ import annotations

from typing import Any

from liftwright.channels.paid_social import advertisement
from liftwright.channels.webhook import WebhookAdapter
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel

TITLE, BODY = 60, 90


class DisplayAdapter(WebhookAdapter):
    """One audience member per send."""

    channel: Channel = "display"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`audience`, `member`, `title`, `body`, `button`."""
        return advertisement(delivery, title=TITLE, body=BODY)
