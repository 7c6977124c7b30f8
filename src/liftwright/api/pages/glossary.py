"""The words of the pages: one file of meanings, a page of all of them, and `term("lift")` for a word with its meaning at hand."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

if TYPE_CHECKING:
    from liftwright.api.pages.site import Site

FILE = Path(__file__).with_name("glossary.yaml")


@cache
def words() -> dict[str, dict[str, Any]]:
    """Every word by itself, in the order of the alphabet: `{"says", "see", "anchor"}`. Raises ValueError for one without a meaning."""
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for word, entry in found.items():
        if not str(entry.get("says", "")).strip() or not set(entry.get("see", ())) <= set(found):
            raise ValueError(f"{FILE.name}: '{word}' has no meaning, or names a word that is not there")
    return {
        word: {"says": found[word]["says"], "see": tuple(found[word].get("see", ())), "anchor": anchor(word)}
        for word in sorted(found)
    }


def anchor(word: str) -> str:
    """The word as part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")


def term(word: str, shown: str = "") -> Markup:
    """A word as a link to its meaning, with the meaning as its title; `shown` stands for it on the page. KeyError for one that is not there."""
    entry = words()[word]
    link = '<a class="term" href="/glossary#{}" title="{}">{}</a>'
    return Markup(link).format(entry["anchor"], entry["says"], shown or word)


def routes(site: Site) -> APIRouter:
    """GET /glossary."""
    router = APIRouter()

    @router.get("/glossary")
    def glossary(request: Request) -> Response:
        site.inside(request)
        return site.page(request, "glossary.html", title="Glossary", words=words())

    return router
