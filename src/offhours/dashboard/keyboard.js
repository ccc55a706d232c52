/** Keys: what they do anywhere, and on the rows of a page. */
import { h } from "./core.js";
import { go, link } from "./router.js";

const PLACES = /** @type {Record<string, string>} */ ({
  o: "overview", j: "jobs", f: "failures", s: "schedules", q: "queues", w: "workers",
  l: "flows", p: "approvals", a: "alerts", r: "recorder", m: "optimizer", t: "training", d: "deferrals",
  u: "audit", e: "settings", n: "tasks",
});

const KEYS = [
  ["/", "search"],
  ["g then o j f s l q n w p", "overview, jobs, failures, schedules, flows, queues, how long tasks take, workers, approvals"],
  ["g then a r m t d u e", "alerts, recorder, optimizer, training, deferrals, audit, settings"],
  ["j  k", "next row, row before"],
  ["Enter", "open the row"],
  ["x", "choose the row"],
  ["←  →", "from bar to bar of a chart"],
  ["r", "retry the row, or the job that is open"],
  ["?", "this list"],
  ["Esc", "close, leave a field"],
];

let leading = -Infinity; // when `g` was pressed

/** @param {KeyboardEvent} event */
function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const at = /** @type {HTMLElement} */ (event.target);
  if (at.matches("input, textarea, select")) {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (performance.now() - leading < 1_500) {
    leading = -Infinity;
    const path = PLACES[event.key];
    if (path) go(link(path));
    return;
  }
  const act = ACTS[event.key];
  if (act && act() !== false) event.preventDefault();
}

const ACTS = /** @type {Record<string, () => unknown>} */ ({
  "/": () => document.getElementById("search")?.focus(),
  "?": () => help(),
  g: () => void (leading = performance.now()),
  j: () => move(1),
  k: () => move(-1),
  Enter: () => open(),
  x: () => chosen()?.querySelector("input")?.click() ?? false,
  r: () => /** @type {HTMLElement | null | undefined} */ (
    (chosen() ?? document).querySelector("[data-retry]"))?.click() ?? false,
});

const rows = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main [data-row]")]);
const chosen = () => /** @type {HTMLElement | null} */ (document.querySelector("main [data-row].at"));

/** @param {number} by */
function move(by) {
  const all = rows().sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
  if (!all.length) return false;
  const from = all.findIndex((row) => row.classList.contains("at"));
  const next = all[Math.max(0, Math.min(all.length - 1, from + by))];
  all[from]?.classList.remove("at");
  next?.classList.add("at");
  next?.scrollIntoView({ block: "nearest" });
  /** @type {HTMLElement | null | undefined} */ (next?.querySelector("a, button"))?.focus({
    preventScroll: true,
  });
  return true;
}

function open() {
  const at = document.activeElement;
  if (at instanceof HTMLAnchorElement || at instanceof HTMLButtonElement) return false;
  const href = chosen()?.dataset.href;
  if (!href) return false;
  go(href);
  return true;
}

export function help() {
  const close = () => dialog.close();
  const dialog = h("dialog", { "aria-labelledby": "keys-title" }, h("form", { method: "dialog" },
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", { class: "keys" }, ...KEYS.map(([keys, what]) => h("div", null,
      h("dt", null, h("kbd", null, keys)), h("dd", null, what)))),
    h("footer", null, h("button", { type: "button", class: "button", onclick: close }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export const listen = () => addEventListener("keydown", press);
