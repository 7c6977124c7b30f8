"""Who sends."""

from __future__ import annotations

from typing import Literal

from liftwright.domain.base import Value

MAIL_CHECKS = ("spf", "dkim", "dmarc", "alignment", "tls", "ptr")
"""What large mailbox providers check of a bulk sender's domain and server."""


class SenderSettings(Value):
    """Who sends: needed in content and headers of commercial mail. The values below are placeholders that nobody may send under.

    `simulated`: the sender of a simulated market, whose texts reach nobody. `registrations`: by place (`US-TX`), the number under which the sender
    is registered to text and call there, or the exemption it relies on. `mail_checked`: which of `MAIL_CHECKS` somebody checked for the mail
    domain. `interest_assessment`: where the assessment of legitimate interest is kept, for contacts in Europe without consent.
    """

    name: str = "Liftwright demo shop"
    address: str = "1 Example Street, Springfield"
    from_email: str = "shop@example.test"
    unsubscribe_url: str = "https://example.test/unsubscribe"
    domains: tuple[str, ...] = ("example.test",)
    simulated: bool = False
    registrations: dict[str, str] = {}
    mail_checked: tuple[Literal["spf", "dkim", "dmarc", "alignment", "tls", "ptr"], ...] = ()
    interest_assessment: str = ""

    @property
    def owns_from(self) -> bool:
        """Whether the from address lies in one of the sender's domains, or where its own unsubscribe page is."""
        host = self.from_email.rpartition("@")[2].strip().casefold()
        leave = self.unsubscribe_url.casefold().partition("://")[2].partition("/")[0]
        own = [domain.strip().casefold() for domain in self.domains if domain.strip()]
        return any(f".{host}".endswith(f".{each}") for each in own) or bool(host and f".{leave}".endswith(f".{host}"))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Parts of the sender's identity that are blank or still the placeholder; none in a simulated market."""
        parts = () if self.simulated else ("name", "address", "from_email", "unsubscribe_url")
        fields = SenderSettings.model_fields
        return tuple(part for part in parts if getattr(self, part).strip() in ("", fields[part].default))
