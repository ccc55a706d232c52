/** What stands round every page: the menu, the search, the banner, the state of the connection. */
import { may, session } from "./api.js";
import { resume, subjectOf } from "./actions.js";
import { each, effect, h, onEnd, signal, svg } from "./core.js";
import { filterOf, textOf } from "./filter.js";
import { capital, number, ownZone, setClock, when } from "./format.js";
import { connection, retryNow } from "./live.js";
import { button, pill } from "./parts.js";
import { resource, throttled } from "./resource.js";
import { go, link, place } from "./router.js";

/** @typedef {import("./types.js").Overview} Overview */
/** @typedef {import("./types.js").Holding} Holding */
/** @typedef {import("./resource.js").Resource<Overview>} House */

/** @type {[path: string, word: string, icon: string][]} */
export const MENU = [
  ["overview", "Overview", "M3 12 12 4l9 8v8h-6v-6H9v6H3z"],
  ["jobs", "Jobs", "M4 6h16M4 12h16M4 18h10"],
  ["failures", "Failures", "M12 4 2.5 20h19zM12 10v4M12 17v.5"],
  ["schedules", "Schedules", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2"],
  ["flows", "Flows", "M4 4h6v5H4zM14 15h6v5h-6zM4 15h6v5H4zM7 9v6M10 6.5h7V15"],
  ["queues", "Queues", "M4 5h16v4H4zM4 11h16v3H4zM4 17h16v2H4z"],
  ["workers", "Workers", "M5 5h14v10H5zM9 19h6M12 15v4"],
  ["approvals", "Approvals", "M4 5h16v11h-9l-4 4v-4H4zM9 10.5l2 2 4-4"],
  ["alerts", "Alerts", "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4"],
  ["recorder", "Recorder", "M3 12h4l3-7 4 14 3-7h4"],
  ["optimizer", "Optimizer", "M12 3a6 6 0 0 0-3.5 10.9V17h7v-3.1A6 6 0 0 0 12 3M9.5 20.5h5"],
  ["training", "Training", "M3 17l6-6 4 4 8-9M15 6h6v6"],
  ["deferrals", "Deferrals", "M4 6h9M4 12h6M4 18h9M16 8l4 4-4 4M11 12h9"],
  ["audit", "Audit", "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3"],
  ["settings", "Settings", "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4"],
];

/** @param {string} path */
const icon = (path) =>
  svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

/** How it stands, for the menu, the banner and the first page alike. @returns {House} */
export function house() {
  /** @type {House} */
  const found = resource(() => "overview", { on: () => true });
  const slow = throttled(found.refresh, () => 10_000);
  const timer = setInterval(() => document.hidden || slow(), 10_000); // the next fires, the oldest wait
  onEnd(() => clearInterval(timer));
  effect(() => {
    const at = found.data.value?.at;
    if (at) setClock(at);
  });
  return found;
}

/**
 * @param {House} overview
 * @param {HTMLElement} outlet
 */
export function shell(overview, outlet) {
  const open = signal(false);
  effect(() => {
    if (place.value) open.value = false;
  });
  return h("div", { class: () => (open.value ? "shell open" : "shell") },
    h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    h("div", { class: "veil", onclick: () => (open.value = false) }),
    menu(overview),
    h("div", { class: "body" }, topBar(open), notices(overview), outlet));
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault(); // the fragment is the address
  document.querySelector("h1")?.focus();
}

/** @param {House} overview */
function menu(overview) {
  const counts = /** @type {Record<string, () => number>} */ ({
    jobs: () => overview.data.value?.counts.running ?? 0,
    failures: () => overview.data.value?.counts.failed ?? 0,
    approvals: () => overview.data.value?.approvals ?? 0,
    alerts: () => overview.data.value?.alerts ?? 0,
  });
  return h("nav", { class: "menu", "aria-label": "Pages", id: "menu" },
    h("a", { class: "brand", href: "#/overview" }, logo(), h("span", null, "Offhours")),
    h("ul", null, ...MENU.map(([path, word, drawn]) => h("li", null,
      h("a", { href: link(path), "aria-current": () => (here() === path ? "page" : null) },
        icon(drawn), h("span", null, word), () => {
          const many = counts[path]?.() ?? 0;
          return many > 0 && h("span", { class: `badge ${path}` }, many > 9_999 ? "9,999+" : number(many));
        })))),
    h("footer", null,
      h("div", { class: "who" }, () => session.value?.name, h("span", { class: "faint" }, () =>
        ` ${session.value?.scope ?? ""}`)),
      h("div", { class: "faint database", title: "the database" }, () => base(overview.data.value?.database))));
}

/** @param {string | undefined} name */
const base = (name) => (name ?? "").split("/").slice(-1)[0];

const here = () => {
  const [first = "overview"] = place.value.parts;
  return first === "tasks" ? "queues" : first;
};

function logo() {
  return svg("svg", { class: "logo", viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("rect", { width: 32, height: 32, rx: 8 }),
    svg("path", { d: "M21.8 19.6A8.2 8.2 0 0 1 12.4 8.9a8.3 8.3 0 1 0 9.4 10.7Z" }),
    svg("circle", { cx: 21.5, cy: 10.5, r: 1.6 }));
}

/** @param {import("./core.js").Signal<boolean>} open */
function topBar(open) {
  const search = h("input", {
    type: "search", id: "search", placeholder: "Search jobs: text, state:failed, task:…",
    "aria-label": "Search jobs", autocomplete: "off", spellcheck: "false",
  });
  effect(() => {
    const { parts, query } = place.value;
    search.value = parts[0] === "jobs" && !parts[1] ? textOf(query) : "";
  });
  const form = h("form", { role: "search" }, search, h("kbd", { "aria-hidden": "true" }, "/"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(link("jobs", filterOf(search.value)));
    search.blur();
  });
  return h("header", { class: "top" },
    h("button", { type: "button", class: "button quiet hamburger", "aria-controls": "menu",
      "aria-expanded": () => String(open.value), "aria-label": "Menu",
      onclick: () => (open.value = !open.value) }, icon("M4 6h16M4 12h16M4 18h16")),
    form,
    h("div", { class: "status" },
      h("span", { class: "zone", title: "Times are shown in this zone" }, ownZone()),
      () => connectionPill(), themeSwitch(),
      h("button", { type: "button", class: "button quiet", "aria-label": "Keys", title: "Keys (?)",
        onclick: async () => (await import("./keyboard.js")).help() }, "?")));
}

const CONNECTION = /** @type {const} */ ({
  connecting: ["idle", "connecting", "The connection is being made"],
  live: ["ok live", "live", "What happens is shown as it happens"],
  polling: ["idle", "every 2 s", "There is no socket here: the page asks every two seconds"],
  lost: ["failed", "no connection", "Trying again; what is shown may be old"],
});

function connectionPill() {
  const [kind, word, title] = CONNECTION[connection.value];
  const made = pill(kind, word);
  made.title = title;
  made.id = "connection";
  made.setAttribute("role", "status");
  return made;
}

function themeSwitch() {
  const names = /** @type {const} */ (["system", "light", "dark"]);
  const chosen = signal(localStorage.getItem("theme") ?? "system");
  effect(() => {
    document.documentElement.dataset.theme = chosen.value;
    localStorage.setItem("theme", chosen.value);
  });
  const drawn = /** @type {Record<string, string>} */ ({
    system: "M4 5h16v11H4zM9 20h6",
    light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
    dark: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
  });
  return h("button", { type: "button", class: "button quiet", title: () => `Look: ${chosen.value}`,
    "aria-label": () => `Look: ${chosen.value}`, onclick: () => {
      const at = names.indexOf(/** @type {any} */ (chosen.value));
      chosen.value = names[(at + 1) % names.length] ?? "system";
    } }, () => icon(drawn[chosen.value] ?? ""));
}

/** @param {House} overview */
function notices(overview) {
  return h("div", { class: "notices", "aria-live": "polite" },
    () => connection.value === "lost" && h("div", { class: "banner lost", id: "lost" },
      h("span", { class: "shape", "aria-hidden": "true" }, "!"),
      h("p", null, h("strong", null, "No connection to the server. "),
        "What is shown may be old; the page tries again by itself."),
      button("Try now", retryNow)),
    each(() => overview.data.value?.banner ?? [], (held) => held.sentence, banner));
}

/** @param {import("./core.js").Signal<Holding>} row */
function banner(row) {
  const held = row.peek();
  return h("div", { class: `banner ${held.kind}`, "data-banner": held.kind },
    h("span", { class: "shape", "aria-hidden": "true" }, "‖"),
    h("p", null, h("strong", null, capital(held.sentence)), h("span", { class: "muted" },
      " since ", when(held.since), " · ",
      () => (row.value.until ? ["goes on ", when(row.value.until), " at the latest"]
        : "until somebody lets it go on"))),
    held.lift && may("operate") &&
      button("Resume", () => resume(subjectOf(held), held.sentence.split("is paused: ")[1]), { class: "small" }));
}

