"""Who is who in made-up and in public records with the truth known, next to exact keys. Prints one JSON line.

    python benchmarks/identity.py --n 200000 --data DIR [--json]

Made-up: 30 % of the records are repeats of another, a quarter of the people live with a namesake at one address, a fifth of
those share a telephone and one in 250 is a twin. A repeat has a typo in 5-15 % of the values of each field, people move and marry, e-mail or telephone is missing in
25-35 %. `--data` holds febrl_dataset3.csv.gz (FEBRL 3, 5,000 records); without it those figures are left out. Precision and recall
count pairs of records. ours: the resolution as an import and a plan run it. peers: exact e-mail, telephone, or last name with birth
date and postal code, as connected components; on FEBRL exact names with birth date or address. CPU seconds are user and system,
start-up apart.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from liftwright.audience import identity

AT = datetime(2026, 11, 1, tzinfo=UTC)
FEBRL = "febrl_dataset3.csv.gz"
TYPOS = {"first_name": 0.12, "last_name": 0.10, "birth_date": 0.06, "postal_code": 0.07, "street": 0.15, "city": 0.10, "email": 0.08, "phone": 0.06}  # fmt: skip
MISSING = {"first_name": 0.02, "last_name": 0.01, "birth_date": 0.05, "postal_code": 0.03, "street": 0.05, "city": 0.05, "email": 0.35, "phone": 0.30}  # fmt: skip
"""Shares of values: spoiled in a repeat, missing in any record."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    """Run both data sets and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=None, help=f"Directory with {FEBRL}.")
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    print(json.dumps(line(options.n, seed=options.seed, data=options.data)))


def line(count: int, *, seed: int, data: Path | None) -> dict[str, Any]:
    """The contract's benchmark line."""
    warm, _ = made_up(300, seed=seed)
    ours(warm)
    records, truth = made_up(count, seed=seed)
    mine = scored(lambda: ours(records), truth)
    peer = scored(lambda: exact(records, (("email",), ("phone",), ("last_name", "birth_date", "postal_code"))), truth)
    result: dict[str, Any] = {"name": "identity", "n": count, "ours": mine, "peers": {"exact_keys": peer}}
    if data is not None:
        records, truth = febrl(data / FEBRL)
        found = scored(lambda: ours(records), truth)
        keys = (("first_name", "last_name", "birth_date"), ("first_name", "last_name", "street"))
        simple = scored(lambda: exact(records, keys), truth)
        mine |= {f"febrl_{name}": value for name, value in found.items()}
        peer |= {f"febrl_{name}": value for name, value in simple.items()}
    result["ratio"] = {"exact_keys_recall": round(mine["recall"] / peer["recall"], 4)}
    return result


def ours(records: pa.Table) -> np.ndarray:
    """A person number per record, from the product."""
    links = identity.likely_links({"customers": records}, at=AT)
    people = identity.people({"customers": records, "identity_links": links})
    number = {old: place for place, ids in enumerate(people["merged_from"].to_pylist()) for old in ids}
    return np.array([number[customer_id] for customer_id in records["customer_id"].to_pylist()])


def exact(records: pa.Table, keys: Sequence[tuple[str, ...]]) -> np.ndarray:
    """A person number per record: equal keys, letters small and signs left out, as connected components."""
    plain = {
        name: pc.replace_substring_regex(pc.utf8_lower(records[name].cast(pa.string())), r"[^a-z0-9@]", "")
        for name in {name for key in keys for name in key}
    }
    rows, others = [np.arange(records.num_rows)], [np.arange(records.num_rows)]
    for key in keys:
        joined = pc.binary_join_element_wise(*(plain[name] for name in key), "|").combine_chunks()
        code = np.asarray(joined.dictionary_encode().indices.fill_null(-1))
        order = np.argsort(code, kind="stable")
        same = (code[order][1:] == code[order][:-1]) & (code[order][1:] >= 0)
        rows.append(order[:-1][same])
        others.append(order[1:][same])
    left, right = np.concatenate(rows), np.concatenate(others)
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(records.num_rows, records.num_rows))
    found: np.ndarray = connected_components(graph, directed=False)[1]
    return found


def scored(resolve: Callable[[], np.ndarray], truth: np.ndarray) -> dict[str, float]:
    """Pair precision, recall and F1 of a resolution, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = resolve()
    after = resource.getrusage(resource.RUSAGE_SELF)
    both = _pairs(np.unique(np.stack([found, truth]), axis=1, return_counts=True)[1])
    precision = both / max(_pairs(np.unique(found, return_counts=True)[1]), 1)
    recall = both / max(_pairs(np.unique(truth, return_counts=True)[1]), 1)
    return {
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 5),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
    }


def _pairs(sizes: np.ndarray) -> int:
    return int((sizes.astype(np.int64) * (sizes - 1) // 2).sum())


def febrl(path: Path) -> tuple[pa.Table, np.ndarray]:
    """FEBRL 3 in canonical columns (its social security number is left out: shops have none), and the person of every record."""
    with gzip.open(path) as file:
        raw = pyarrow.csv.read_csv(file, convert_options=_as_text())
    raw = raw.rename_columns([name.strip() for name in raw.column_names])
    columns = {name: pc.utf8_trim_whitespace(raw[name]) for name in raw.column_names}
    born = [None if len(text) != 8 else text for text in columns["date_of_birth"].to_pylist()]
    table = {
        "customer_id": columns["rec_id"],
        "first_name": columns["given_name"],
        "last_name": columns["surname"],
        "birth_date": pa.array(born, pa.string()),
        "street": pc.binary_join_element_wise(columns["street_number"], columns["address_1"], " "),
        "city": columns["suburb"],
        "postal_code": columns["postcode"],
        "region": columns["state"],
    }
    people = [int(name.split("-")[1]) for name in columns["rec_id"].to_pylist()]
    return pa.table(table), np.array(people)


def _as_text() -> Any:
    names = ("rec_id", "given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state", "date_of_birth", "soc_sec_id")  # fmt: skip
    spaced = {f" {name}": pa.string() for name in names}
    return pyarrow.csv.ConvertOptions(column_types=spaced | {name: pa.string() for name in names})


def made_up(count: int, *, seed: int) -> tuple[pa.Table, np.ndarray]:
    """`count` records in a shuffled order, and the person of every record."""
    rng = np.random.default_rng(seed)
    persons = count - round(0.3 * count)
    originals = _originals(rng, persons)
    who = np.concatenate([np.arange(persons), rng.integers(0, persons, count - persons)])
    columns = {name: values[who].copy() for name, values in originals.items()}
    _live_on(rng, columns, originals, first=persons)
    for name, share in TYPOS.items():
        for row in persons + np.flatnonzero(rng.random(count - persons) < share):
            columns[name][row] = _spoiled(rng, columns[name][row], name)
    for name, share in MISSING.items():
        columns[name][rng.random(count) < share] = None
    order = rng.permutation(count)
    table = pa.table({name: pa.array(values[order], pa.string()) for name, values in columns.items()})
    return table.add_column(0, "customer_id", pa.array([f"R{number:07d}" for number in rng.permutation(count)])), who[order]


def _live_on(rng: np.random.Generator, columns: dict[str, np.ndarray], originals: dict[str, np.ndarray], *, first: int) -> None:
    """Of the repeats 3 % have moved, 1 % have another last name, 2 % give an initial; half write address and number otherwise."""
    repeats = np.arange(first, len(columns["email"]))
    moved = repeats[rng.random(len(repeats)) < 0.03]
    there = rng.integers(0, first, len(moved))
    for name in ("street", "city", "postal_code"):
        columns[name][moved] = originals[name][there]
    married = repeats[rng.random(len(repeats)) < 0.01]
    columns["last_name"][married] = originals["last_name"][rng.integers(0, first, len(married))]
    for row in repeats[rng.random(len(repeats)) < 0.02]:
        columns["first_name"][row] = columns["first_name"][row][0]
    for row in repeats[rng.random(len(repeats)) < 0.5]:
        number = columns["phone"][row]
        columns["phone"][row] = f"({number[2:5]}) {number[5:8]}-{number[8:]}"
        columns["email"][row] = columns["email"][row].title()


def _originals(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """People: Zipf-like names, 2,000 towns with a postal code each, a quarter of them living with a namesake."""
    firsts, lasts = _words(rng, 800, 2), _words(rng, 5_000, 3)
    streets, towns = _words(rng, 1_500, 3), _words(rng, 2_000, 3)
    first, last = firsts[_zipf(rng, len(firsts), count)], lasts[_zipf(rng, len(lasts), count)]
    town = _zipf(rng, len(towns), count)
    number, street = rng.integers(1, 400, count), streets[rng.integers(0, len(streets), count)]
    address = np.array([f"{n} {s.title()} Street" for n, s in zip(number, street, strict=True)], dtype=object)
    phone = np.array([f"+1{n}" for n in rng.integers(2_000_000_000, 9_990_000_000, count)], dtype=object)
    days = rng.integers(0, 24_000, count)
    born = np.array([(date(1940, 1, 1) + timedelta(days=int(day))).isoformat() for day in days], dtype=object)
    joined = np.flatnonzero(rng.random(count - 1) < 0.25) + 1
    for row in joined:
        last[row], town[row], address[row] = last[row - 1], town[row - 1], address[row - 1]
        if rng.random() < 0.2:
            phone[row] = phone[row - 1]
    twins = joined[rng.random(len(joined)) < 0.004]
    born[twins] = born[twins - 1]
    codes = np.array([f"{10_000 + 37 * place}" for place in range(len(towns))], dtype=object)
    hosts = rng.integers(0, 20, count)
    email = [f"{a}.{b}{n}@mail{h}.example" for a, b, n, h in zip(first, last, rng.integers(0, 9_999, count), hosts, strict=True)]
    return {
        "first_name": first, "last_name": last, "birth_date": born, "postal_code": codes[town],
        "street": address, "city": towns[town], "email": np.array(email, dtype=object), "phone": phone,
    }  # fmt: skip


def _words(rng: np.random.Generator, count: int, syllables: int) -> np.ndarray:
    """Distinct made-up words."""
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [f"{rng.choice(list('bcdfghjklmnprstvw'))}{rng.choice(list('aeiou'))}" for _ in range(syllables)]
        found["".join(parts) + str(rng.choice(["", "n", "r", "s", "l", "ck"]))] = None
    return np.array(list(found), dtype=object)


def _zipf(rng: np.random.Generator, kinds: int, count: int) -> np.ndarray:
    weights = 1.0 / (np.arange(kinds) + 10.0)
    return rng.choice(kinds, size=count, p=weights / weights.sum())


def _spoiled(rng: np.random.Generator, text: str, name: str) -> str:
    """One character changed, left out, doubled, or swapped with the next; in dates and numbers only digits."""
    places = [i for i, letter in enumerate(text) if letter.isalnum() and (name not in ("birth_date", "phone") or i >= 2)]
    place, kind = int(rng.choice(places)), int(rng.integers(0, 4))
    if name == "birth_date":
        return _other_day(rng, text)
    letters = "0123456789" if text[place].isdigit() else _LETTERS
    changed = (letters[int(rng.integers(0, len(letters)))], "", text[place] * 2, text[place + 1 : place + 2] + text[place])
    return text[:place] + changed[kind] + text[place + (2 if kind == 3 else 1) :]


def _other_day(rng: np.random.Generator, text: str) -> str:
    """Day and month swapped where that is a date, else another day of the month or another year."""
    year, month, day = text.split("-")
    kind = int(rng.integers(0, 3))
    if kind == 0 and int(day) <= 12:
        return f"{year}-{day}-{month}"
    if kind == 1:
        return f"{year}-{month}-{int(rng.integers(1, 29)):02d}"
    return f"{int(year) + int(rng.choice([-10, -1, 1, 10]))}-{month}-{min(int(day), 28):02d}"


if __name__ == "__main__":
    main()
