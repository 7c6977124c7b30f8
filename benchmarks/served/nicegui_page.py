"""The peer: the same talk on a NiceGUI page. Run by the peer's own Python: `python nicegui_page.py PORT WORDS.json`.

WORDS is a list of lines. `/0` and `/1` are whole pages with these lines that link to each other; on each, a box and a button add a line to the
talk over the page's open connection, which is how NiceGUI is meant to be used. Nothing is written down. `/` is `/0`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nicegui import ui

PAGES = 2


def build(words: list[str], number: int) -> None:
    """One page: links, the talk, and a box to say more."""
    with ui.row():
        for other in range(PAGES):
            ui.link(f"Talk {other}", f"/{other}")
    ui.label(f"Talk {number}").classes("text-h4 title")
    with ui.column().classes("log") as log:
        for line in words:
            ui.label(line)

    def send() -> None:
        with log:
            ui.label(box.value)
        box.value = ""

    box = ui.textarea("Goal or question")
    ui.button("Send", on_click=send)


def main() -> None:
    """Serve until told to stop."""
    port, words = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    ui.page("/")(lambda: build(words, 0))
    ui.page("/{number}")(lambda number: build(words, int(number)))
    ui.run(host="127.0.0.1", port=port, show=False, reload=False)


if __name__ == "__main__":
    main()
