"""How often somebody was contacted before: the part of the facts' query that counts the ledger, for caps, pauses and fatigue."""

from __future__ import annotations

CALLING = ("sms", "voice")
ANSWERING = ("click", "visit", "page_view", "purchase")
"""Events that count as an answer to earlier contacts; an opened e-mail does not, since machines open too."""


def tables(*, sending: bool) -> str:
    """Common table expressions over `contacts_in` and `events_in`, at the moment `$at`.

    `past`: per person what reached them, or will by then, in the last day, week and 30 days, the latest of it, and how much of it was never
    answered; `own`: the week's on each channel; `now`: leased sends that go before a channel's own (only with `sending`).
    """
    done = "('sent', 'sending', 'unknown')" if sending else "('planned', 'leased', 'sent', 'sending', 'unknown')"
    leased = "true" if sending else "false"
    return f"""
    answered AS (
        SELECT customer_id, max(occurred_at) AS answered_at FROM events_in
        WHERE type IN {ANSWERING} AND occurred_at <= $at GROUP BY customer_id),
    lately AS (
        SELECT c.customer_id, c.channel, c.send_at, a.answered_at FROM contacts_in c LEFT JOIN answered a USING (customer_id)
        WHERE c.state IN {done} AND c.send_at > CAST($at AS TIMESTAMPTZ) - INTERVAL 30 DAY AND c.send_at <= $at),
    past AS (
        SELECT customer_id, count(*) AS contacts_30d,
               count(*) FILTER (send_at > CAST($at AS TIMESTAMPTZ) - INTERVAL 7 DAY) AS contacts_7d,
               count(*) FILTER (send_at > CAST($at AS TIMESTAMPTZ) - INTERVAL 24 HOUR) AS contacts_24h,
               count(*) FILTER (channel IN {CALLING} AND send_at > CAST($at AS TIMESTAMPTZ) - INTERVAL 24 HOUR) AS calls_24h,
               count(*) FILTER (answered_at IS NULL OR send_at > answered_at) AS unanswered_30d,
               CAST(floor(date_diff('minute', max(send_at), CAST($at AS TIMESTAMPTZ)) / 60) AS BIGINT) AS hours_since
        FROM lately GROUP BY customer_id),
    own AS (
        SELECT customer_id, channel, count(*) AS contacts_7d FROM lately
        WHERE send_at > CAST($at AS TIMESTAMPTZ) - INTERVAL 7 DAY GROUP BY customer_id, channel),
    now AS (
        SELECT customer_id, channel, min(before_any) AS before_any, min(before_calls) AS before_calls,
               min(before_here) AS before_here FROM (
            SELECT customer_id, channel,
                count(*) OVER earlier AS before_any,
                count(*) FILTER (channel IN {CALLING}) OVER earlier AS before_calls,
                count(*) OVER (PARTITION BY customer_id, channel ORDER BY send_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                    AS before_here
            FROM contacts_in WHERE {leased} AND state = 'leased'
            WINDOW earlier AS (PARTITION BY customer_id ORDER BY send_at, channel ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
        GROUP BY customer_id, channel)"""


FACTS = """
        coalesce(past.contacts_24h, 0) + coalesce(now.before_any, 0) AS contacts_24h,
        coalesce(past.contacts_7d, 0) + coalesce(now.before_any, 0) AS contacts_7d,
        coalesce(past.contacts_30d, 0) + coalesce(now.before_any, 0) AS contacts_30d,
        coalesce(own.contacts_7d, 0) + coalesce(now.before_here, 0) AS channel_contacts_7d,
        coalesce(past.calls_24h, 0) + coalesce(now.before_calls, 0) AS calls_24h,
        coalesce(past.unanswered_30d, 0) AS unanswered_30d,
        CASE WHEN now.before_any > 0 THEN 0 ELSE past.hours_since END AS hours_since_contact"""
"""The declared facts that these tables give, for `past`, `own` and `now` joined to a person and a channel."""

JOINS = """
    LEFT JOIN past ON past.customer_id = who.customer_id
    LEFT JOIN own ON own.customer_id = who.customer_id AND own.channel = c.channel
    LEFT JOIN now ON now.customer_id = who.customer_id AND now.channel = c.channel"""
