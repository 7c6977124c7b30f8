"""The canonical tables: their columns, what kind of value each holds, and the names other systems give them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from liftwright.domain.errors import DataError
from liftwright.domain.profile import CHANNELS

Kind = Literal[
    "id",
    "text",
    "word",
    "email",
    "phone",
    "country",
    "currency",
    "time",
    "date",
    "amount",
    "number",
    "share",
    "flag",
    "consent",
    "refusal",
]


@dataclass(frozen=True)
class Spec:
    """One canonical table. `required` in groups: one column of every group must be found. `key` identifies a row, if anything does."""

    required: tuple[tuple[str, ...], ...]
    columns: dict[str, Kind]
    key: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    """Times that cannot lie after now."""


_CONSENT: dict[str, Kind] = {f"consent_{channel}": "consent" for channel in CHANNELS}
SPECS: dict[str, Spec] = {
    "customers": Spec(
        required=(("customer_id",),),
        columns={
            "customer_id": "id", "email": "email", "phone": "phone", "first_name": "text", "last_name": "text",
            "birth_date": "date", "street": "text", "city": "text", "postal_code": "text", "region": "text", "country": "country",
            "time_zone": "text", "created_at": "time", "kind": "word", **_CONSENT,
        },
        key=("customer_id",),
        stamps=("created_at",),
    ),
    "events": Spec(
        required=(("customer_id", "email", "phone", "send_id"), ("type",), ("occurred_at",)),
        columns={
            "event_id": "id", "customer_id": "id", "email": "email", "phone": "phone", "send_id": "id", "type": "word",
            "occurred_at": "time", "channel": "word", "amount": "amount", "margin": "number", "currency": "currency",
            "product_id": "id", "session_id": "id", "campaign_id": "id", "treatment_id": "id", "received_at": "time",
            "discount": "share", "is_machine": "flag",
        },
        key=("event_id",),
        stamps=("occurred_at", "received_at"),
    ),
    "treatments": Spec(
        required=(("arm", "treated"),),
        columns={
            "treatment_id": "id", "customer_id": "id", "treated_at": "time", "arm": "text", "treated": "flag", "channel": "word",
            "offer": "text", "variant": "text", "discount": "share", "propensity": "share", "cost": "amount", "wave": "number",
            "outcome_visits": "number", "outcome_orders": "number", "outcome_revenue": "number",
        },
        stamps=("treated_at",),
    ),
    "products": Spec(
        required=(("product_id",),),
        columns={"product_id": "id", "name": "text", "category": "text", "price": "amount", "unit_cost": "amount", "stock": "number"},
        key=("product_id",),
    ),
    "prices": Spec(
        required=(("product_id",), ("price",), ("valid_from",)),
        columns={"product_id": "id", "price": "amount", "valid_from": "time", "valid_to": "time", "currency": "currency"},
        key=("product_id", "valid_from"),
    ),
    "leads": Spec(
        required=(("lead_id",),),
        columns={
            "lead_id": "id", "customer_id": "id", "email": "email", "phone": "phone", "created_at": "time", "outcome": "word",
            "amount": "amount", "closed_at": "time", "country": "country", **_CONSENT,
        },
        key=("lead_id",),
        stamps=("created_at", "closed_at"),
    ),
    "evidence": Spec(
        required=(("evidence_id",), ("kind",), ("claim",)),
        columns={
            "evidence_id": "id", "kind": "word", "claim": "text", "product_id": "id", "wording": "text", "source": "text",
            "valid_from": "date", "valid_until": "date",
        },
        key=("evidence_id",),
    ),
    "documents": Spec(
        required=(("document_id",), ("text",)),
        columns={"document_id": "id", "title": "text", "text": "text"},
        key=("document_id",),
    ),
}  # fmt: skip

SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customer", "customerid", "cust_id", "client_id", "user_id", "member_id", "contact_id", "person_id", "profile_id",
        "account_id", "subscriber_id", "customer_number", "customer_no", "rec_id", "crm_id", "shopper_id",
    ),
    "email": ("e_mail", "email_address", "e_mail_address", "mail", "customer_email"),
    "phone": ("phone_number", "mobile", "mobile_number", "mobile_phone", "telephone", "tel", "cell", "cell_phone", "msisdn"),
    "first_name": ("firstname", "given_name", "givenname", "forename"),
    "last_name": ("lastname", "surname", "family_name", "familyname"),
    "birth_date": ("date_of_birth", "dob", "birthdate", "birthday"),
    "country": ("country_code", "country_name", "nation"),
    "street": ("address", "street_address", "address_line_1", "address_1", "addr", "strasse"),
    "city": ("town", "suburb", "locality"),
    "region": ("state", "province", "county"),
    "postal_code": ("postcode", "zip", "zip_code", "zipcode", "plz"),
    "time_zone": ("timezone", "tz"),
    "created_at": ("signup_date", "signed_up_at", "registered_at", "created", "created_on", "create_date", "date_created",
                   "created_date", "customer_since", "join_date", "joined_at", "first_seen_at", "lead_date"),
    "event_id": ("order_id", "transaction_id", "orderid", "invoice", "invoice_no"),
    "send_id": ("message_id",),
    "type": ("event", "event_type", "event_name", "action", "activity"),
    "occurred_at": ("timestamp", "time", "date", "datetime", "event_time", "event_at", "event_date", "order_date", "ordered_at",
                    "purchased_at", "purchase_date", "transaction_date", "invoice_date", "happened_at", "ts"),
    "received_at": ("ingested_at", "loaded_at"),
    "amount": ("revenue", "total", "order_total", "order_value", "value", "dollar_value", "price_paid", "sales", "spend",
               "total_price", "gross_amount", "deal_value"),
    "margin": ("gross_margin", "profit", "contribution"),
    "currency": ("currency_code",),
    "product_id": ("sku", "item_id", "product", "article_id", "stockcode"),
    "treated_at": ("sent_at", "send_date", "sent_on", "mailed_at", "mail_date", "contacted_at", "assigned_at", "exposed_at"),
    "arm": ("segment", "group", "test_group", "treatment_group", "experiment_group", "cell", "test_cell", "bucket", "assignment",
            "campaign_group", "treatment"),
    "treated": ("is_treated", "treatment", "exposed", "is_test", "mailed", "contacted"),
    "propensity": ("propensity_score", "probability", "assignment_probability", "pscore"),
    "offer": ("promotion", "promo", "coupon", "incentive"),
    "outcome_visits": ("visit", "visits", "visited", "site_visit", "sessions"),
    "outcome_orders": ("conversion", "converted", "conversions", "purchase", "purchased", "purchases", "orders", "ordered", "bought"),
    "outcome_revenue": ("spend", "spent", "revenue", "sales", "order_value", "purchase_amount", "amount"),
    "price": ("list_price", "unit_price", "retail_price"),
    "unit_cost": ("cost_price", "cogs", "purchase_price"),
    "stock": ("inventory", "quantity_on_hand", "on_hand", "stock_level"),
    "category": ("product_category", "department"),
    "name": ("product_name", "title", "description"),
    "valid_from": ("from", "start", "starts_on", "effective_from"),
    "valid_to": ("until", "to", "end", "valid_until", "effective_until"),
    "valid_until": ("expires_on", "expires_at", "valid_to"),
    "lead_id": ("prospect_id", "lead", "lead_number", "opportunity_id", "leadid"),
    "outcome": ("converted", "won", "is_won", "status", "lead_status", "result"),
    "closed_at": ("close_date", "closed_on", "converted_at", "won_at"),
    "evidence_id": ("proof_id", "claim_id"),
    "claim": ("statement", "proves"),
    "wording": ("approved_wording", "text"),
    "document_id": ("doc_id", "id", "slug"),
    "text": ("body", "content", "markdown"),
    "title": ("name", "subject", "heading"),
    "is_machine": ("machine_open", "is_machine_open", "is_bot", "bot", "machine"),
    "is_randomised": (),
    **{f"consent_{c}": (f"{c}_consent", f"{c}_opt_in", f"{c}_optin", f"opt_in_{c}", f"accepts_{c}") for c in CHANNELS},
}  # fmt: skip

REFUSALS: dict[str, str] = {
    "do_not_email": "consent_email", "email_opt_out": "consent_email", "unsubscribed": "consent_email",
    "do_not_call": "consent_voice", "phone_opt_out": "consent_voice", "do_not_text": "consent_sms", "sms_opt_out": "consent_sms",
    "do_not_mail": "consent_direct_mail",
}  # fmt: skip
"""Columns that say no: true means denied, anything else says nothing about consent."""

AFTERWARDS = frozenset(
    {"opened", "open", "clicked", "click", "clicks", "opens", "responded", "response", "unsubscribed", "redeemed"}
)
"""Columns of a wide test file that can only have been filled after the treatment: never a feature."""


def plain(name: str) -> str:
    """A column name as lower-case words joined by underscores: 'Prospect ID' and 'prospectId' become 'prospect_id', 'Größe' 'grosse'."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    letters = unicodedata.normalize("NFKD", spaced.lower().replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\u0300-\u036f]", "", letters)).strip("_") or "column"


def spec_of(table: str) -> Spec:
    """The canonical table of that name; DataError names the ones there are."""
    if table not in SPECS:
        raise DataError("IMPORT-TABLE", f"There is no table '{table}'.", next_step=f"Use one of: {', '.join(SPECS)}.")
    return SPECS[table]
