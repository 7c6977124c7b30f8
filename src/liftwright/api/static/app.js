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

  // ---- a talk: the stream says what happens, the server renders what it looks like
  const talk = $("#talk");
  if (talk) {
    const name = talk.dataset.talk;
    let last = Number(talk.dataset.last), source = null, agent = "", wrote = false;
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
    const show = (part) => {
      const typed = $("textarea", talk) ? $("textarea", talk).value : "";
      const held = talk.contains(document.activeElement) ? document.activeElement.id : "";
      talk.innerHTML = part;
      const box = $("textarea", talk), log = $(".log", talk);
      if (box && typed) box.value = typed;
      if (log) log.scrollTop = log.scrollHeight;
      const whole = talk.firstElementChild;
      last = Math.max(last, Number(whole.dataset.last));
      talk.dataset.working = whole.dataset.working;
      view(talk.dataset.view); mark();
      const again = held === "text" || wrote ? box : held && document.getElementById(held);
      if (again && !again.disabled) { again.focus({ preventScroll: true }); wrote = false; }
    };
    const draw = async () => {
      const answer = await fetch(`/c/${name}/part${location.search}`);
      if (answer.ok) show(await answer.text());
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
    let heard = new Date();
    const told = (state) => {
      if (state === "live") heard = new Date();
      connection.hidden = false;
      connection.textContent = state === "live" ? "live" : `${state}, showing ${heard.toLocaleTimeString()}`;
    };
    view("talk"); mark(); follow();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { source.close(); } else { draw(); follow(); }
    });
    talk.addEventListener("submit", async (event) => {
      const form = event.target;
      if (!form.action.includes("/c/")) return;
      event.preventDefault();
      const data = new URLSearchParams(new FormData(form));
      for (const button of talk.querySelectorAll("button")) button.disabled = true;
      const box = $("textarea", talk);
      wrote = document.activeElement === box;
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "x-part": "yes" } });
      if (!answer.ok) { form.submit(); return; }
      if (box) box.value = "";
      show(await answer.text());
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
    if (isOff() || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (event.key === "?") { event.preventDefault(); dialog.showModal(); return; }
    if (event.key === "/") { const box = $("main textarea, main input:not([type=hidden])"); if (box) { event.preventDefault(); box.focus(); } return; }
    const form = $(`[data-decide="${CSS.escape(event.key)}"]`), rows = [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] [data-row]")];
    const pressed = $(`[data-press="${CSS.escape(event.key)}"]:not(:disabled)`);
    if (Date.now() - g >= 1500 && pressed) { event.preventDefault(); if (pressed.matches("select")) pressed.focus(); else pressed.click(); return; }
    if (Date.now() - g >= 1500 && read(event.key)) { event.preventDefault(); return; }
    if (Date.now() - g >= 1500 && form) { event.preventDefault(); $("input:not([type=hidden]), textarea, button:not(:disabled)", form).focus(); return; }
    if (rows.length && "jksux".includes(event.key)) {
      const at = rows.findIndex((row) => row.contains(document.activeElement));
      if (event.key === "u" || event.key === "x") { const box = $(event.key === "u" ? "[data-row-key=u]" : "input[type=checkbox]", rows[Math.max(at, 0)]); if (box) { event.preventDefault(); box.focus(); box.click(); } return; }
      if (event.key === "s") { const box = $("select, button", rows[Math.max(at, 0)]); if (box) { event.preventDefault(); box.focus(); } return; }
      $("th a, input[type=checkbox]", rows[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1)]).focus();
      return;
    }
    if (event.key === "g") { g = Date.now(); return; }
    if (Date.now() - g < 1500) { const link = $(`.top a[data-key="${CSS.escape(event.key)}"]`); if (link) link.click(); g = 0; }
  });
  // ---- the list of what waits: says when it is another, and shows it at once where nobody is in the middle of something
  const arrived = $("#arrived");
  if (arrived) {
    const listen = () => {
      const source = new EventSource(`/approvals/events?shown=${arrived.dataset.mark}`);
      source.addEventListener("waiting", () => {
        source.close();
        if (document.hidden || document.activeElement === document.body) { location.reload(); return; }
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
  const focus = $("[data-focus]");
  if (focus) focus.focus();

  // ---- a band drawn from the table it stands beside
  customElements.define("lw-band", class extends HTMLElement {
    connectedCallback() {
      const table = $("table", this);
      const rows = [...table.tBodies[0].rows].map((row) => ["low", "mid", "high"].map((name) => {
        const cell = $(`[data-${name}]`, row), value = cell ? cell.dataset[name] : "";
        return value === "" ? null : Number(value);
      })).filter((row) => row.every((value) => value !== null));
      if (!rows.length) return;
      this.points = rows;
      this.drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      this.drawn.setAttribute("role", "img");
      this.drawn.setAttribute("aria-label", table.caption.textContent);
      const more = document.createElement("details"), head = document.createElement("summary");
      head.textContent = "Show data";
      table.replaceWith(this.drawn, more);
      more.append(head, table);
      new ResizeObserver(() => this.draw()).observe(this);
    }
    draw() {
      const width = this.clientWidth, height = 192, pad = 36;
      const all = this.points.flat().concat(0), low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
      const x = (i) => this.points.length === 1 ? width / 2 : pad + i * (width - 2 * pad) / (this.points.length - 1);
      const y = (v) => 12 + (high - v) / span * (height - 24);
      const edge = (k, order) => order.map((i) => `${x(i)},${y(this.points[i][k])}`).join(" ");
      const way = this.points.map((_, i) => i), back = [...way].reverse();
      const one = this.points.length === 1;
      const range = one ? `${x(0) - 8},${y(this.points[0][0])} ${x(0) + 8},${y(this.points[0][0])} ${x(0) + 8},${y(this.points[0][2])} ${x(0) - 8},${y(this.points[0][2])}` : `${edge(0, way)} ${edge(2, back)}`;
      this.drawn.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const shape = (name, attributes) => { const made = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value); return made; };
      const label = (value) => { const made = shape("text", { x: 2, y: y(value) + 4 }); made.textContent = value.toPrecision(3); return made; };
      this.drawn.replaceChildren(shape("line", { class: "zero", x1: pad, x2: width, y1: y(0), y2: y(0) }), shape("polygon", { class: "range", points: range }), shape("polyline", { class: "middle", points: one ? `${x(0) - 8},${y(this.points[0][1])} ${x(0) + 8},${y(this.points[0][1])}` : edge(1, way) }), label(low), label(high));
    }
  });
})();
