/** Who was told? Alerts, and the messages that carried them. */
import { may, post } from "../api.js";
import { each, h } from "../core.js";
import { tell } from "../dialogs.js";
import { number, when } from "../format.js";
import { button, card, empty, head, heading, pill, table, tabs } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { go, link, place } from "../router.js";

/** @typedef {import("../types.js").Alert} Alert */
/** @typedef {import("../types.js").Delivery} Delivery */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

const STATES = /** @type {[string, string][]} */ ([
  ["", "All"], ["firing", "firing"], ["acknowledged", "acknowledged"], ["resolved", "resolved"],
]);

export default function alertsPage() {
  const state = () => place.value.query.get("state") ?? "";
  const found = /** @type {Resource<{ data: Alert[] }>} */ (resource(
    () => `alerts${state() ? `?state=${encodeURIComponent(state())}` : ""}`, { on: about("alert.") }));
  const sent = /** @type {Resource<{ routes: string[], data: Delivery[] }>} */ (
    resource(() => "notifications", { on: about("alert.", "delivery.", "job.failed"), every: 2_000 })
  );
  return h("div", { class: "page" },
    head("Alerts", "What is wrong or was, and who was told."),
    h("div", { class: "filters" }, tabs("State", STATES, state, (value) => go(link("alerts", { state: value })))),
    shown(found, () => h("div", { class: "stack" },
      () => found.data.value?.data.length === 0 && (state()
        ? empty(`No alert is ${state()}.`)
        : empty("No alert has fired. Rules watch error rates, durations and silence; they would show here.", "offhours alerts ls")),
      each(() => found.data.value?.data ?? [], (alert) => alert.id, (row) => alertCard(() => row.value)))),
    card({ id: "messages" }, heading("Messages", () => (sent.data.value?.routes.length ?? 0) > 0 && may("operate") &&
      button("Send a test", test, { class: "small" })), shown(sent, () => h("div", null,
      h("p", { class: "muted" }, () => sent.data.value?.routes.length ? `Routes of this process: ${sent.data.value.routes.join(", ")}`
        : "This process has no route: app.notify(...) adds one."),
      () => sent.data.value?.data.length === 0 && empty("No message was sent yet."),
      () => (sent.data.value?.data.length ?? 0) > 0 && table("Messages", MESSAGES,
        () => sent.data.value?.data ?? [], (row) => row.id)))));
}

/** @type {import("../parts.js").Column<Delivery>[]} */
const MESSAGES = [
  { title: "State", show: (d) => pill(d.state) },
  { title: "What", show: (d) => h("div", null, h("b", null, d.subject), h("div", { class: "muted" }, d.kind)) },
  { title: "By", show: (d) => d.target },
  { title: "Attempts", class: "number", show: (d) => String(d.attempts) },
  { title: "Made", show: (d) => when(d.created_at) },
  { title: "Next", show: (d) => when(d.next_at) },
  { title: "Error", class: "error", show: (d) => d.error ?? "" },
];

async function test() {
  const { data } = await post("notifications:test");
  for (const [route, told] of Object.entries(/** @type {Record<string, any>} */ (data))) {
    tell(told.ok ? `${route}: sent. ${told.note}` : new Error(`${route}: ${told.error}`));
  }
}

/** @param {() => Alert} alert */
function alertCard(alert) {
  return card({ class: () => `alert ${alert().state}`, "data-row": true, "data-alert": alert().id },
    h("div", { class: "what" },
      h("div", { class: "line" }, () => pill(alert().state), h("b", null, () => alert().rule.replaceAll("_", " ")),
        () => subject(alert().subject), () => h("span", { class: "faint" }, alert().severity)),
      h("div", { class: "message" }, () => alert().message),
      h("div", { class: "line faint" }, "fired ", () => when(alert().fired_at),
        () => alert().seen > 1 && ` · seen ${number(alert().seen)} times, last `, () => alert().seen > 1 && when(alert().seen_at),
        () => alert().acknowledged_by && ` · ${alert().acknowledged_by} looks after it`,
        () => alert().resolved_at && " · resolved ", () => alert().resolved_at && when(alert().resolved_at)),
      () => alert().threshold !== null && alert().value !== null &&
        h("div", { class: "line faint" }, `measured ${round(alert().value)} · limit ${round(alert().threshold)}`)),
    h("div", { class: "actions" }, () => alert().state === "firing" && may("operate") &&
      button("Acknowledge", () => post(`alerts/${alert().id}/acknowledge`), { class: "small primary" })));
}

/** What it is about, as a link to that. @param {string} text */
function subject(text) {
  const [, kind = "", name = ""] = /^(task|schedule|queue) (.+)$/s.exec(text) ?? [];
  const to = { task: ["tasks", name], schedule: ["schedules", name] }[kind];
  return kind ? h("a", { href: to ? link(to) : link("jobs", { queue: name }) }, text) : h("span", null, text);
}

/** @param {number | null} value */
const round = (value) => String(Math.round((value ?? 0) * 1_000) / 1_000);
