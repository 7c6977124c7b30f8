"""Who is who. Sure keys first, estimated likeness after; every merge has its evidence, can be undone, and protects the person."""

from __future__ import annotations

from liftwright.audience.identity.events import resolve
from liftwright.audience.identity.households import one_per_household
from liftwright.audience.identity.keyed import MOST_SHARED
from liftwright.audience.identity.keys import email_key, phone_key
from liftwright.audience.identity.likely import likely_links
from liftwright.audience.identity.resolution import aliases, people
from liftwright.audience.identity.records import Tables

__all__ = ["MOST_SHARED", "Tables", "aliases", "email_key", "likely_links", "one_per_household", "people", "phone_key", "resolve"]
