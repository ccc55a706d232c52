/** Who did that? Each change by hand, with how it was and how it became. */
import { h, signal } from "../core.js";
import { clock, when } from "../format.js";
import { button, card, empty, head, jobLink, table } from "../parts.js";
import { resource, shown } from "../resource.js";
import { link, place } from "../router.js";

/** @typedef {import("../types.js").AuditEntry} Entry */
/** @typedef {import("../resource.js").Resource<{ data: Entry[], next_cursor: string | null }>} Found */

export default function auditPage() {
  const limit = signal(50);
  const actor = () => place.value.query.get("actor") ?? "";
  const found = /** @type {Found} */ (resource(() =>
    `audit?limit=${limit.value}${actor() && `&actor=${encodeURIComponent(actor())}`}`, { on: () => true, every: 2_000 }));
  return h("div", { class: "page" },
    head("Audit", "What was done by hand: on this page, over the API, on the command line, by models over MCP, and by the code.",
      () => actor() && h("a", { class: "button", href: "#/audit" }, `Only ${actor()}: show all`)),
    card(null, shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty(actor() ? `${actor()} has changed nothing.` : "Nobody has changed anything by hand yet. On the command line:", "offhours audit"),
      () => (found.data.value?.data.length ?? 0) > 0 && table("Changes", COLUMNS,
        () => found.data.value?.data ?? [], (entry) => entry.id),
      () => found.data.value?.next_cursor && limit.value < 500 &&
        button("Show more", () => void (limit.value = 500))))));
}

const FACES = /** @type {Record<string, string>} */ ({ api: "API", cli: "command line", mcp: "MCP", page: "page" });

/** @type {import("../parts.js").Column<Entry>[]} */
const COLUMNS = [
  { title: "When", show: (entry) => when(entry.at) },
  { title: "Who", show: (entry) => h("a", { href: link("audit", { actor: entry.actor }) }, h("b", null, entry.actor)) },
  { title: "Face", show: (entry) => FACES[entry.face ?? ""] ?? entry.face ?? "code" },
  { title: "What", show: (entry) => h("code", null, did(entry)) },
  { title: "Job", show: (entry) => concerned(entry) },
  { title: "Before → after", show: (entry) => changes(entry) },
  { title: "Request", class: "muted", show: (entry) => entry.request ? h("span", { title: `from ${entry.address ?? "nowhere"}` }, h("code", null, entry.request)) : "–" },
];

/** @param {Entry} entry */
const did = ({ action, became }) =>
  action === "api.changed" ? `${became?.method} ${String(became?.path).replace("/api/v1/", "")}` : action;

/** @param {Entry} entry */
function concerned({ job, became }) {
  const meant = job ?? became?.concerns;
  return typeof meant === "number" ? jobLink(meant) : "–";
}

/**
 * What was told to be different, and the whole of both behind it.
 * @param {Entry} entry
 */
function changes({ action, was, became }) {
  if (action === "api.changed") return h("span", { class: "faint" }, "what was asked for, no more");
  const before = was ?? {};
  const told = Object.entries(became ?? {}).filter(([key, value]) =>
    key !== "by" && value !== null && JSON.stringify(before[key]) !== JSON.stringify(value));
  told.sort(([one], [other]) => Number(other in before) - Number(one in before));
  return h("details", null,
    h("summary", null, ...told.slice(0, 4).map(([key, value]) => h("span", { class: "differs" }, `${key.replaceAll("_", " ")}: `,
      (before[key] ?? null) !== null && [h("del", null, said(before[key])), " → "], h("ins", null, said(value)))), told.length === 0 && "whole"),
    h("pre", { tabindex: "0" }, JSON.stringify({ was, became }, null, 2)));
}

/** @param {unknown} value */
function said(value) {
  if (typeof value === "number" && value > 1e14) return clock(value / 1_000);
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
