"""The web pages over a real server: first load and clicks in Chromium, streams that are cut off, many streams at once. Prints one JSON line.

    python benchmarks/web.py [--customers 300] [--rounds 4] [--clicks 15] [--reconnects 80] [--streams 200] [--seconds 10]
        [--nicegui-python PATH | --no-peer] [--json]

A workspace is made by the product's own commands (`market`, `plan`) and served by two processes (`serve --workers 2`) without sticky sessions;
the browser, the readers and the writer of events are other processes. ours: `first_load_kb` and `requests` of `/` with an empty cache, headers
included, as they came over the wire; `click_ms` from a click on a link to the whole changed page (`_drawn`: until the frame after), `form_ms`
the same for a form that posts and leads on, `review_ms` for the largest page. Then events are written to talks while their readers are cut
off `reconnects` times and come back with `Last-Event-ID`: `lost`, `doubled`, `out_of_order` over all readers and events. Then `streams`
open talks: `stream_cpu_ms` is the CPU of all server processes (/proc, start-up apart) per stream, to open it, keep it for
`stream_seconds` and tell it one event; delays run from before the event is written until its reader has it. peers: NiceGUI with the words of our
two lists, in the same browser, rounds taken in turn: `click_ms` is a button that changes them in place, `link_ms` a link to a whole page.
ratio: peer / ours, `nicegui` of `click_ms`. Without Chromium or the peer those parts are left out, and the line says so.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from served import streams
from served.running import Server, free_port, serving

from liftwright.store.engine import open_engine
from liftwright.store.talks import SqlTalks

COMMAND = [sys.executable, "-c", "from liftwright.cli import main; main()"]
GOAL = "Sell more shoes over the next 14 days, 2000 budget, by e-mail"
PEER_PAGE = Path(__file__).parent / "served" / "nicegui_page.py"
READERS, EVENTS = 20, 40
WORKERS = 2


def main() -> None:
    """Measure and print the line."""
    options = arguments()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as ends:
        home, campaign = workspace(Path(scratch), options.customers)
        server = ends.enter_context(served(home, Path(scratch) / "ours.log"))
        ours, peer, ratio = in_browser(server, options, Path(scratch), campaign)
        engine = open_engine(home)
        ends.callback(engine.dispose)
        talks = SqlTalks(engine)
        ours |= asyncio.run(streams.reconnecting(server, talks, readers=READERS, reconnects=options.reconnects, events=EVENTS))
        in_talks = min(options.talks or options.streams, options.streams)
        ours |= asyncio.run(streams.many(server, talks, streams=options.streams, in_talks=in_talks, seconds=options.seconds))
    print(json.dumps({"name": "web", "n": options.streams, "ours": ours, "peers": {"nicegui": peer}, "ratio": ratio}))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=300, help="People in the workspace.")
    parser.add_argument("--rounds", type=int, default=4, help="Rounds of clicks, ours and the peer's in turn.")
    parser.add_argument("--clicks", type=int, default=15, help="Clicks of each kind in a round.")
    parser.add_argument("--reconnects", type=int, default=80, help="Times that readers are cut off.")
    parser.add_argument("--streams", type=int, default=200, help="Streams open at once.")
    parser.add_argument("--talks", type=int, default=0, help="Talks they follow (default: one each, the dearest case).")
    parser.add_argument("--seconds", type=float, default=10.0, help="How long they are kept idle.")
    parser.add_argument("--nicegui-python", default=None, help="A Python that has NiceGUI (default: this one, if it has).")
    parser.add_argument("--no-peer", action="store_true", help="Leave the peer out.")
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    return parser.parse_args()


def workspace(scratch: Path, customers: int) -> tuple[Path, str]:
    """A small market with one plan that waits for approval, and the campaign."""
    home = scratch / "home"
    done = ""
    for words in (["market", "--customers", str(customers)], ["plan", GOAL]):
        ran = subprocess.run(
            [*COMMAND, *words, "--json", "--home", str(home)], capture_output=True, text=True, check=False, cwd=scratch
        )
        if ran.returncode:
            sys.exit(f"{words[0]} failed: {ran.stderr[-800:]}")
        done = ran.stdout
    with (home / "liftwright.toml").open("a", encoding="utf-8") as file:
        file.write("\n[server]\nrequests_per_minute = 0\nsign_ins_per_minute = 0\n# one machine clicks here for many people\n")
    return home, str(json.loads(done)["campaign_id"])


def served(home: Path, log: Path) -> Any:
    """`liftwright serve` with two processes on a workspace."""
    port = free_port()
    command = [*COMMAND, "serve", "--home", str(home), "--port", str(port), "--workers", str(WORKERS)]
    return serving(command, port, log, workers=WORKERS)


def in_browser(server: Server, options: argparse.Namespace, scratch: Path, campaign: str) -> tuple[dict[str, Any], ...]:
    """What a browser sees of ours and of the peer, and the ratio of the two."""
    python = None if options.no_peer else python_of_peer(options.nicegui_python)
    peer: dict[str, Any] = {"note": "left out" if options.no_peer else "not installed (bench extra)"}
    try:
        from served import browser as chrome
    except ImportError:
        return {"note": "no browser: playwright is not installed (dev extra)"}, peer, {}
    if not chrome.CHROMIUM:
        return {"note": "no browser: install Chromium, or name one in CHROMIUM"}, peer, {}
    with chrome.chromium() as browser, ExitStack() as ends:
        ours: dict[str, Any] = chrome.first_load(browser, server.url, server.url)
        clicks, theirs = chrome.Clicker(browser, server.url), None
        words = chrome.our_talk(clicks, campaign)
        if python is not None:
            other = ends.enter_context(peer_served(python, words, scratch))
            peer = chrome.first_load(browser, other.url, other.url)
            theirs = chrome.Clicker(browser, other.url)
        for number in range(options.rounds):
            chrome.our_round(clicks, campaign, options.clicks, number)
            if theirs is not None:
                chrome.peer_round(theirs, options.clicks, number)
        ours |= clicks.medians()
        if theirs is None:
            return ours, peer, {}
        peer |= theirs.medians()
    return ours, peer, ratios(ours, peer)


def peer_served(python: str, words: list[str], scratch: Path) -> Any:
    """The peer's server with these words."""
    given, port = scratch / "words.json", free_port()
    given.write_text(json.dumps(words), encoding="utf-8")
    return serving([python, str(PEER_PAGE), str(port), str(given)], port, scratch / "peer.log")


def ratios(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, float]:
    """Peer / ours: above 1 is better for us."""
    return {
        "nicegui": round(peer["click_ms"] / ours["click_ms"], 2),
        "nicegui_link": round(peer["link_ms"] / ours["link_ms"], 1),
        "nicegui_first_load": round(peer["first_load_kb"] / ours["first_load_kb"], 1),
    }


def python_of_peer(named: str | None) -> str | None:
    """The Python that has NiceGUI: the one that was named, or this one; None where there is none."""
    if named is not None:
        if subprocess.run([named, "-c", "import nicegui"], capture_output=True, check=False).returncode:
            sys.exit(f"{named} has no NiceGUI: install it there, or leave --nicegui-python out.")
        return named
    return sys.executable if importlib.util.find_spec("nicegui") else None


if __name__ == "__main__":
    main()
