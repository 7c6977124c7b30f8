"""Claims: texts that tell the truth and texts that do not, against the shipped rules. Prints one JSON line.

    python benchmarks/claims.py [--set claims|claims_holdback] [--json]

`blocked`: share of the false texts that a rule blocks; `true_passed`: share of the true ones that none does; `ms_per_text`: CPU of one text.
Peer in the same run: `numbers_on_record`, which blocks a text when it has a number that stands nowhere in the record, or one of ten usual
superlatives. `falsehoods_let_through` is the peer's number of those over ours (or over one).
"""

from __future__ import annotations

import argparse
import json
import re
import resource

from liftwright.evaluation import claims
from liftwright.evaluation.suite import evals_folder
from liftwright.library import DiskLibrary

SUPERLATIVES = (
    "best",
    "cheapest",
    "lightest",
    "leading",
    "perfect",
    "guaranteed",
    "free",
    "award-winning",
    "unbeatable",
    "number one",
)


def main() -> None:
    """Measure and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="claims", choices=["claims", "claims_holdback"])
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    folder, bundle = evals_folder() / "datasets" / options.set, DiskLibrary().policies()
    claims.counted(folder, lambda text, record: claims.is_blocked(text, record, bundle=bundle))  # rules are bound at first use
    before = cpu()
    ours = claims.counted(folder, lambda text, record: claims.is_blocked(text, record, bundle=bundle))
    spent = cpu() - before
    peer = claims.counted(folder, naive)
    texts = ours.true + ours.false
    line = {
        "name": "claims",
        "n": texts,
        "ours": shares(ours)
        | {"ms_per_text": round(1000 * spent / texts, 3), "wrong": list(ours.wrong), "by_kind": ours.by_kind},
        "peers": {"numbers_on_record": shares(peer)},
        "ratio": {"falsehoods_let_through": round((peer.false - peer.blocked) / max(1, ours.false - ours.blocked), 1)},
    }
    print(json.dumps(line))


def shares(found: claims.Counted) -> dict[str, float | int]:
    """Counts and shares."""
    return {
        "false": found.false,
        "blocked": round(found.blocked / found.false, 4),
        "true": found.true,
        "true_passed": round(found.passed / found.true, 4),
    }


def naive(text: claims.Text, record: claims.Record) -> bool:
    """The peer."""
    known = set(re.findall(r"\d+(?:\.\d+)?", record.model_dump_json()))
    known |= {f"{100 * offer.discount:g}" for offer in record.offers}
    said = re.findall(r"[0-9]+(?:\.[0-9]+)?", text.text)
    words = text.text.lower()
    return any(number not in known and f"{float(number):g}" not in known for number in said) or any(
        w in words for w in SUPERLATIVES
    )


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
