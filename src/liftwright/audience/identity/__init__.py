"""Who is who. Sure keys first, estimated likeness after; every merge has its evidence, can be undone, and protects the person.

Estimating (`likely_links`) is the one slow step: it runs when customers are imported, and what it finds is kept in the table
`identity_links`. Resolution (`people`, `resolve`) only reads it, so the same snapshot always has the same people.
"""

from __future__ import annotations

from liftwright.audience.identity.decisions import Verdict, told
from liftwright.audience.identity.events import resolve
from liftwright.audience.identity.evidence import Counted, case_duplicates, consent_conflicts, links, split_identities
from liftwright.audience.identity.households import letter_ids, one_per_household
from liftwright.audience.identity.keyed import MOST_SHARED
from liftwright.audience.identity.keys import email_keys, phone_key
from liftwright.audience.identity.likely import likely_links
from liftwright.audience.identity.records import Tables
from liftwright.audience.identity.resolution import aliases, people

__all__ = [
    "MOST_SHARED", "Counted", "Tables", "Verdict", "aliases", "case_duplicates", "consent_conflicts", "email_keys", "letter_ids", "likely_links", "links",
    "one_per_household", "people", "phone_key", "resolve", "split_identities", "told",
]  # fmt: skip
