/** Views of the jobs that one comes back to: some that everybody has, and one's own. */
import { h, signal } from "./core.js";
import { ask, typed } from "./dialogs.js";
import { field, button } from "./parts.js";

/** @typedef {[name: string, query: string]} View */

const KEPT = "views";
const USUAL = /** @type {View[]} */ ([
  ["failed in the last hour", "state=failed&finished_after=1h"],
  ["waiting since more than 10 minutes", "state=pending&until=10m"],
  ["running since more than an hour", "state=running&until=1h"],
]);

/** @returns {View[]} */
function kept() {
  try {
    const told = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(told) ? told.filter(([name, query]) => typeof name === "string" && typeof query === "string") : [];
  } catch {
    return []; // somebody else's, or broken: as if there were none
  }
}

/** @param {() => string} query  that of the address */
export function views(query) {
  const own = signal(kept());
  const keep = (/** @type {View[]} */ next) => {
    own.value = next;
    localStorage.setItem(KEPT, JSON.stringify(next));
  };
  const chip = (/** @type {View} */ [name, told], /** @type {boolean} */ mine) => h("span", { class: "chip" },
    h("a", { href: `#/jobs?${told}`, "aria-current": () => (query() === told ? "true" : null) }, name),
    mine && h("button", { type: "button", "aria-label": `Forget the view ${name}`, title: "Forget it",
      onclick: () => keep(own.peek().filter(([each]) => each !== name)) }, "×"));
  return h("div", { class: "views", role: "group", "aria-label": "Views" },
    ...USUAL.map((view) => chip(view, false)), () => own.value.map((view) => chip(view, true)),
    () => query() && ![...USUAL, ...own.value].some(([, told]) => told === query()) &&
      button("Save this view", () => name(query(), own.peek(), keep), { class: "quiet small" }));
}

/**
 * @param {string} query
 * @param {View[]} own
 * @param {(next: View[]) => void} keep
 */
const name = (query, own, keep) => ask({
  title: "Save this view",
  fields: [field("Name", h("input", { name: "name", required: true, maxlength: 60, autofocus: true }),
    "It is kept in this browser. To share it, send the address.")],
  label: "Save",
  act: async (form) => keep([...own.filter(([each]) => each !== typed(form, "name")), [typed(form, "name"), query]]),
});
