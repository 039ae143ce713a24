// Helps, never needed: keys, count-downs, and parts that refresh themselves.
"use strict";

(() => {
  const REFRESH = 20_000;
  const LONGEST = 120_000;
  const SHARE = 50;
  const typing = (node) => /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);

  // Keys: `data-key` on a button, link or field; j and k walk the rows that have a link.
  let row = -1;
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const walk = (step) => {
    const all = rows();
    if (!all.length) return;
    row = Math.min(Math.max(row + step, 0), all.length - 1);
    all.forEach((tr, i) => tr.toggleAttribute("aria-selected", i === row));
    all[row].setAttribute("aria-selected", "true");
    all[row].querySelector("a")?.focus();
  };
  const press = (key) => {
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target || target.disabled) return false;
    const box = target.closest("details");
    if (box) box.open = true;
    if (typing(target)) target.focus();
    else target.click();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
    else if (!press(event.key)) return;
    event.preventDefault();
  });

  // Clocks: `data-due` is the end in seconds since the epoch, `data-now` the server's time.
  const since = new WeakMap();
  const elapsed = (node) => {
    if (!since.has(node)) since.set(node, performance.now());
    return (performance.now() - since.get(node)) / 1000;
  };
  const words = (seconds) => {
    const minutes = Math.floor(Math.abs(seconds) / 60);
    const text = minutes < 60 ? `${minutes} min`
      : minutes < 6000 ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`
      : `${Math.floor(minutes / 1440)} days ${Math.floor(minutes / 60) % 24} h`;
    return seconds < 0 ? `${text} over` : `${text} left`;
  };
  const tick = () => {
    document.querySelectorAll("[data-due]").forEach((node) => {
      node.textContent = words(Number(node.dataset.due) - Number(node.dataset.now) - elapsed(node));
    });
  };
  tick();
  setInterval(tick, 30_000);

  // Parts: `data-refresh` with an id is fetched again while the page is seen and nobody types in it.
  // One at a time; the slower the console answers, the longer it is left alone: it spends at most a
  // fiftieth of its time on a page that somebody merely looks at.
  // A part may ask for it sooner: `data-refresh="3"` is after three seconds.
  const every = () => {
    const parts = [...document.querySelectorAll("[data-refresh][id]")];
    return Math.min(...parts.map((part) => Number(part.dataset.refresh) * 1000 || REFRESH), REFRESH);
  };
  let asking = false;
  let next = 0;
  const refresh = async () => {
    if (asking) return;
    asking = true;
    const begun = performance.now();
    try {
      await fetchParts();
    } finally {
      asking = false;
    }
    const pause = Math.min(Math.max((performance.now() - begun) * SHARE, every()), LONGEST);
    clearTimeout(next);
    next = setTimeout(refresh, pause);
  };
  const fetchParts = async () => {
    const parts = [...document.querySelectorAll("[data-refresh][id]")];
    if (document.hidden || !parts.length) return;
    const answer = await fetch(location.href, { headers: { "x-breachdesk-refresh": "1" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) {
      stale(answer?.redirected);
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    let changed = false;
    parts.forEach((part) => {
      const next = fresh.getElementById(part.id);
      if (!next || part.contains(document.activeElement) || part.isEqualNode(next)) return;
      part.replaceWith(next);
      changed = true;
    });
    document.getElementById("stale")?.remove();
    // What an act said of itself is no longer so once the page shows what came of it.
    if (changed) document.querySelector("[data-until-refresh]")?.remove();
    tick();
    center();
  };
  // A page that no longer refreshes says so: it must not look live.
  const stale = (signedOut) => {
    if (document.getElementById("stale")) return;
    const note = document.createElement("div");
    note.id = "stale";
    note.className = "banner warn";
    note.setAttribute("role", "status");
    const since = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    note.textContent = signedOut
      ? `You are signed out. This page shows how things stood before ${since}. `
      : `The console does not answer. This page shows how things stood before ${since}. `;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "Load it again";
    note.append(again);
    document.getElementById("page")?.before(note);
  };
  next = setTimeout(refresh, every());
  document.addEventListener("visibilitychange", refresh);

  const center = () => {
    for (const here of [".rail [aria-current]", ".steps [aria-current=step]"]) {
      document.querySelector(here)?.scrollIntoView({ block: "nearest", inline: "center" });
    }
  };
  center();
})();
