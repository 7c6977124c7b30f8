// What the pages can do besides: follow a talk as it goes on, keys, charts drawn from their tables. Every page works without it.
"use strict";
(() => {
  const $ = (css, root = document) => root.querySelector(css);
  const digest = (text) => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7).toString(36);
  const kept = (name) => {  // names and values that this browser keeps; none where it keeps nothing
    let all = {};
    try { all = JSON.parse(localStorage.getItem(name) || "{}"); } catch { /* nothing was kept */ }
    return { get: (key) => all[key], set: (key, value) => { all[key] = value; try { localStorage.setItem(name, JSON.stringify(all)); } catch { /* not kept */ } } };
  };
  const announce = (text) => { const place = $("#announce"); if (place) place.textContent = text; };
  const answered = async (path, how) => {  // what a request is answered with: null where no server answers or one that is broken, "" where it is refused
    try {
      const answer = await fetch(path, how);
      if (answer.status < 500) return answer.ok ? await answer.text() : "";
    } catch { /* nobody answers */ }
    return null;
  };

  // ---- a talk: the stream says what happens, the server renders what it looks like
  const talk = $("#talk");
  if (talk) {
    const name = talk.dataset.talk;
    let last = Number(talk.dataset.last), drawn = last, source = null, agent = "", wrote = false, later = 0;
    let isSending = false, unsent = "", sent = null;  // `sent`: words of the box that nobody confirmed yet, and how often they stood in the talk before
    // cards that changed since they were looked at: what was seen of each is kept by this browser
    const seen = kept(`seen:${name}`);
    const mark = () => {
      for (const card of talk.querySelectorAll("[data-card]")) {
        const now = digest(card.textContent), before = seen.get(card.dataset.card);
        if (before === undefined) { seen.set(card.dataset.card, now); continue; }
        if (before === now) continue;
        card.classList.add("changed");
        const dot = document.createElement("span");
        dot.className = "dot"; dot.textContent = "changed";
        ($("h2", card) || card).append(" ", dot);
        const look = () => { seen.set(card.dataset.card, now); dot.remove(); card.classList.remove("changed"); };
        card.addEventListener("pointerenter", look, { once: true });
        card.addEventListener("focusin", look, { once: true });
      }
    };
    const view = (which) => {
      talk.dataset.view = which;
      for (const link of talk.querySelectorAll("[data-view]")) link.setAttribute("aria-current", link.dataset.view === which ? "true" : "false");
    };
    talk.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-view]");
      if (link) { event.preventDefault(); view(link.dataset.view); }
    });
    const said = (words) => [...talk.querySelectorAll(".log .you .body")].filter((line) => line.textContent === words).length;
    const show = (part) => {
      const made = document.createElement("template");
      made.innerHTML = part;
      const whole = made.content.firstElementChild;
      if (Number(whole.dataset.last) < drawn) return;  // a newer one was quicker
      drawn = Number(whole.dataset.last);
      const typed = $("textarea", talk) ? $("textarea", talk).value : "";
      const held = talk.contains(document.activeElement) ? document.activeElement.id : "";
      talk.replaceChildren(whole);
      const box = $("textarea", talk), log = $(".log", talk), words = sent && said(sent.words) > sent.before ? sent.words : "";
      if (box && typed.trim() !== words) box.value = typed;
      if (words) { sent = null; unsent = ""; told(); }
      if (log) log.scrollTop = log.scrollHeight;
      last = Math.max(last, drawn);
      talk.dataset.working = whole.dataset.working;
      view(talk.dataset.view); mark();
      const again = held === "text" || wrote ? box : held && document.getElementById(held);
      if (again && !again.disabled) { again.focus({ preventScroll: true }); wrote = false; }
    };
    const draw = async () => {
      const part = await answered(`/c/${name}/part${location.search}`);
      if (part) show(part);
      if (part === null || drawn >= last) clearTimeout(later);
      if (part === null) later = setTimeout(draw, 2000);
      return part !== null;
    };
    const step = (event) => {
      const said = $("#step", talk);
      if (said) said.textContent = `${event.who.replaceAll("_", " ")}: ${event.what}`;
      const row = $(`[data-agent="${CSS.escape(event.who.replaceAll("_", " "))}"]`, talk);
      if (!row) return;
      for (const other of talk.querySelectorAll(".agents .working")) { other.className = "done"; $(".state", other).textContent = "done"; }
      row.className = "working"; $(".state", row).textContent = "working"; $(".what", row).textContent = event.what;
      if (agent !== event.who) { agent = event.who; announce(`${event.who.replaceAll("_", " ")} is at work`); }
    };
    const follow = () => {
      if (source) source.close();
      source = new EventSource(`/c/${name}/events?after=${last}`);
      source.addEventListener("talk", (message) => {
        const number = Number(message.lastEventId);
        if (number <= last) return;
        last = number;
        const event = JSON.parse(message.data);
        if (event.kind === "step") step(event);
        else { draw(); if (event.kind === "reply") announce("The strategist has answered"); if (event.kind === "failed") announce("It stopped before it was done"); }
      });
      source.onopen = () => told("live");
      source.onerror = () => { told(navigator.onLine ? "reconnecting" : "offline"); if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(follow, 2000); } };
    };
    const connection = $("#connection");
    let heard = new Date(), state = "connecting";
    const told = (now = state) => {
      state = now;
      if (state === "live") heard = new Date();
      connection.hidden = false;
      const stands = state === "live" ? state : `${state}, showing ${heard.toLocaleTimeString()}`;
      connection.textContent = unsent ? `${unsent}; ${stands}` : stands;
    };
    view("talk"); mark(); follow();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { source.close(); } else { draw(); follow(); }
    });
    const send = async (form) => {
      const box = $("textarea", form), words = box ? box.value.trim() : "", held = document.activeElement;
      const body = new URLSearchParams(new FormData(form)), buttons = [...talk.querySelectorAll("button:not(:disabled)")];
      const failed = () => {
        if (words && !sent) return;  // it stands in the talk by now
        for (const button of buttons) button.disabled = false;
        if (document.activeElement === document.body) held.focus({ preventScroll: true });
        wrote = false;
        unsent = box ? "not sent, your words are still in their box" : "not sent";
        told();
        announce(`The server did not take it: ${unsent}. Send it again once the connection is live.`);
      };
      announce("");
      for (const button of buttons) button.disabled = true;
      wrote = held === $("textarea", talk);
      if (words && sent && sent.words === words) {  // they may have arrived although nobody said so
        if (!await draw()) { failed(); return; }
        if (!sent || $("textarea", talk).disabled) return;
      } else if (words) sent = { words, before: said(words) };
      const part = await answered(form.action, { method: "POST", body, headers: { "x-part": "yes" } });
      if (part === null || (!part && !form.isConnected)) { failed(); return; }
      if (!part) { form.submit(); return; }
      const now = $("textarea", talk);
      if (words && now && now.value.trim() === words) now.value = "";
      if (words) sent = null;
      unsent = "";
      told();
      show(part);
    };
    talk.addEventListener("submit", async (event) => {
      const form = event.target;
      if (!form.action.includes("/c/")) return;
      event.preventDefault();
      if (isSending) return;
      isSending = true;
      try { await send(form); } finally { isSending = false; }
    });
    const log = $(".log", talk);
    if (log) log.scrollTop = log.scrollHeight;
  }
  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (box.matches && box.matches(".say textarea") && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (box.value.trim()) box.form.requestSubmit();
    }
  });

  // ---- keys
  const dialog = $("#keys"), off = $("#keys-off");
  const opener = $("[data-open=keys]");
  const isOff = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };
  if (opener) { opener.hidden = false; opener.addEventListener("click", () => dialog.showModal()); }
  if (off) { off.checked = isOff(); off.addEventListener("change", () => { try { localStorage.setItem("keys", off.checked ? "off" : "on"); } catch { /* not kept */ } }); }
  let g = 0;
  document.addEventListener("keydown", (event) => {
    if (isOff() || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if (event.key === "?") { event.preventDefault(); dialog.showModal(); return; }
    if (event.key === "/") { const box = $("main textarea, main input:not([type=hidden])"); if (box) { event.preventDefault(); box.focus(); } return; }
    const form = $(`[data-decide="${CSS.escape(event.key)}"]`), rows = [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] [data-row], ol[data-rows] > li")];
    const pressed = $(`[data-press="${CSS.escape(event.key)}"]:not(:disabled)`);
    if (Date.now() - g >= 1500 && pressed) {
      event.preventDefault();
      if (pressed.matches("a, button, summary, input")) pressed.click(); else (pressed.matches("select") ? pressed : $("input:not([type=hidden])", pressed) || pressed).focus();
      return;
    }
    if (Date.now() - g >= 1500 && read(event.key)) { event.preventDefault(); return; }
    if (Date.now() - g >= 1500 && form) { event.preventDefault(); $("input:not([type=hidden]), textarea, button:not(:disabled)", form).focus(); return; }
    if (Date.now() - g >= 1500 && rows.length && "jksux".includes(event.key)) {
      const at = rows.findIndex((row) => row.contains(document.activeElement));
      if (event.key === "u" || event.key === "x") { const box = $(event.key === "u" ? "[data-row-key=u]" : "input[type=checkbox]", rows[Math.max(at, 0)]); if (box) { event.preventDefault(); box.focus(); box.click(); } return; }
      if (event.key === "s") { const box = $("select, button", rows[Math.max(at, 0)]); if (box) { event.preventDefault(); box.focus(); } return; }
      const row = rows[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1)];
      ($("th a, input[type=checkbox]", row) || $("a", row)).focus();
      return;
    }
    if (event.key === "g") { g = Date.now(); return; }
    if (Date.now() - g < 1500) { const link = $(`.top a[data-key="${CSS.escape(event.key)}"]`); if (link) link.click(); g = 0; }
  });
  // ---- the list of what waits: says when it is another, and shows it at once where nobody is in the middle of something
  const arrived = $("#arrived");
  if (arrived) {
    const isTyped = () => [...document.querySelectorAll("main input:not([type=hidden])")].some((box) => box.value !== box.defaultValue);
    const listen = () => {
      const source = new EventSource(`/approvals/events?shown=${arrived.dataset.mark}`);
      source.addEventListener("waiting", () => {
        source.close();
        if (!isTyped() && (document.hidden || document.activeElement === document.body)) { location.reload(); return; }
        $("p", arrived).hidden = false;
      });
      window.addEventListener("pagehide", () => source.close(), { once: true });
    };
    listen();
  }

  // ---- a review: sections ticked as seen, only what changed, a reason chosen or written
  const parts = [...document.querySelectorAll("section[data-part]")], of = $("[data-seen-of]");
  if (of) {
    const plan = $("input[name=plan_hash]"), ticks = [...document.querySelectorAll("[data-seen]")];
    const were = kept(`read:${location.pathname}:${plan ? plan.value : ""}`);
    const count = () => { of.textContent = `seen ${ticks.filter((box) => box.checked).length} of ${ticks.length}`; };
    for (const box of ticks) {
      box.parentElement.hidden = false;
      box.checked = were.get(box.dataset.seen) === true;
      box.addEventListener("change", () => { were.set(box.dataset.seen, box.checked); count(); });
    }
    of.parentElement.hidden = false;
    count();
    const only = $("#only");
    only.addEventListener("change", () => document.body.classList.toggle("only-changes", only.checked));
  }
  function read(key) {
    if (!parts.length || !"npv".includes(key)) return false;
    const at = parts.findIndex((part) => part.contains(document.activeElement)), shown = (part) => part.offsetParent !== null;
    if (key === "v") { const box = $("[data-seen]", parts[Math.max(at, 0)]); if (box) box.click(); return true; }
    const next = key === "n" ? parts.slice(at + 1).find(shown) : parts.slice(0, Math.max(at, 0)).reverse().find(shown);
    if (next) { next.tabIndex = -1; next.focus(); next.scrollIntoView(); }
    return true;
  }
  const because = $("select[name=because]");
  if (because) {
    const own = () => { $("[name=reason]", because.form).required = !because.value; };
    because.addEventListener("change", own);
    own();
  }
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest && event.target.closest("[data-decide]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit([...form.querySelectorAll("button:not(:disabled)")].pop()); }
  });
  for (const copier of document.querySelectorAll("[data-copy]")) {
    copier.hidden = false;
    copier.addEventListener("click", async () => {
      const words = $(copier.dataset.copy);
      try { await navigator.clipboard.writeText(words.textContent.trim()); announce("Copied"); copier.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(words); announce("Selected: copy it now"); copier.textContent = "Selected: copy it now"; }
    });
  }
  const focus = $("[data-focus]");
  if (focus) focus.focus();

  // ---- a band drawn from the table it stands beside, by time, with marks of what happened; "t" shows the last days only
  const KINDS = { approval: ["A", "approved or asked"], reallocation: ["R", "moved"], stop: ["S", "stop rule or pause"], send: ["M", "messages leave"] };
  const DAYS = 7, DAY = 86400000;
  const svg = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  customElements.define("lw-band", class extends HTMLElement {
    connectedCallback() {
      const table = $("table", this);
      const number = (row, name) => { const cell = $(`[data-${name}]`, row); return cell && cell.dataset[name] !== "" ? Number(cell.dataset[name]) : null; };
      const rows = [...table.tBodies[0].rows];
      this.isDated = rows.every((row) => row.dataset.at);
      this.points = rows.map((row, place) => ({ at: this.isDated ? Date.parse(row.dataset.at) : place, ends: ["low", "mid", "high"].map((name) => number(row, name)) }))
        .filter((point) => point.ends.every((value) => value !== null));
      if (!this.points.length) return;
      this.marks = [...table.querySelectorAll("[data-mark]")].map((mark) => ({ kind: mark.dataset.mark, at: Date.parse(mark.dataset.at), says: mark.textContent }));
      this.drawn = svg("svg", { role: "img", "aria-label": table.caption.textContent });
      const more = document.createElement("details"), head = document.createElement("summary"), below = document.createElement("p");
      head.textContent = "Show data";
      head.dataset.press = "d";
      below.className = "source";
      below.textContent = Object.entries(KINDS).filter(([kind]) => this.marks.some((mark) => mark.kind === kind)).map(([, [letter, words]]) => `${letter} ${words}`).join(" · ");
      table.replaceWith(this.drawn, below, more);
      more.append(head, table);
      if (this.points.at(-1).at - this.points[0].at > DAYS * DAY) below.append(" ", this.switch());
      new ResizeObserver(() => this.draw()).observe(this);
    }
    switch() {
      const button = document.createElement("button");
      button.type = "button"; button.dataset.press = "t"; button.className = "quiet"; button.textContent = `Last ${DAYS} days only`;
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => { this.isShort = !this.isShort; button.setAttribute("aria-pressed", String(this.isShort)); this.draw(); });
      return button;
    }
    draw() {
      const width = this.clientWidth, height = 240, left = 44, right = 8, rows = Object.keys(KINDS);
      const since = this.isShort ? this.points.at(-1).at - DAYS * DAY : -Infinity;
      const points = this.points.filter((point) => point.at >= since), marks = this.marks.filter((mark) => mark.at >= since);
      const top = marks.length ? 8 + 14 * rows.length : 12, bottom = 24;
      const all = points.flatMap((point) => point.ends).concat(0), low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
      const moments = [...points, ...marks].map((each) => each.at), first = Math.min(...moments), last = Math.max(...moments);
      const x = (at) => first === last ? (left + width - right) / 2 : left + (at - first) / (last - first) * (width - left - right);
      const y = (value) => top + (high - value) / span * (height - top - bottom);
      const wide = points.length === 1 ? [{ ...points[0], x: x(points[0].at) - 8 }, { ...points[0], x: x(points[0].at) + 8 }] : points.map((point) => ({ ...point, x: x(point.at) }));
      const edge = (k, order) => order.map((point) => `${point.x},${y(point.ends[k])}`).join(" ");
      const day = (at) => this.isDated ? new Date(at).toISOString().slice(0, 10) : "";
      const apart = (mark) => !marks.some((other) => other !== mark && other.kind === mark.kind && marks.indexOf(other) < marks.indexOf(mark) && Math.abs(x(other.at) - x(mark.at)) < 9);
      this.drawn.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.drawn.replaceChildren(
        svg("line", { class: "zero", x1: left, x2: width, y1: y(0), y2: y(0) }),
        ...marks.map((mark) => svg("line", { class: `mark ${mark.kind}`, x1: x(mark.at), x2: x(mark.at), y1: 14 * rows.indexOf(mark.kind) + 14, y2: height - bottom })),
        svg("polygon", { class: "range", points: `${edge(0, wide)} ${edge(2, [...wide].reverse())}` }),
        svg("polyline", { class: "middle", points: edge(1, wide) }),
        svg("text", { x: 2, y: y(low) + 4 }, low.toPrecision(3)), svg("text", { x: 2, y: y(high) + 4 }, high.toPrecision(3)),
        svg("text", { x: left, y: height - 6 }, day(first)), svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, first === last ? "" : day(last)),
        ...marks.filter(apart).map((mark) => { const letter = svg("text", { class: "letter", x: x(mark.at), y: 14 * rows.indexOf(mark.kind) + 12, "text-anchor": "middle" }, KINDS[mark.kind][0]); letter.append(svg("title", {}, `${day(mark.at)} ${mark.says}`)); return letter; }),
      );
    }
  });
})();
