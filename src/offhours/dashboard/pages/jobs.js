/** Where is my job? All of them in one table, however many there are. */
import { many, PRIORITIES, retryJob, submitJob } from "../actions.js";
import { may } from "../api.js";
import { computed, effect, h, onEnd, signal } from "../core.js";
import { asked } from "../filter.js";
import { callText, count, duration, now, number, running, taskName, when } from "../format.js";
import { onChanges } from "../live.js";
import { button, empty, head, jobLink, meter, pill, select, tabs } from "../parts.js";
import { problemCard, throttled } from "../resource.js";
import { go, link, place } from "../router.js";
import { Rows } from "../rows.js";
import { views } from "../views.js";
import { narrow, virtual } from "../virtual.js";

/** @typedef {import("../types.js").JobRow} JobRow */
/** @typedef {import("../shell.js").House} House */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */
/** @template T @typedef {import("../virtual.js").Slot<T>} Slot */

const STATES = ["pending", "held", "running", "succeeded", "failed", "cancelled"];
const ENDED = /** @type {[string, string][]} */ ([
  ["10m", "ended in the last 10 min"], ["1h", "ended in the last hour"], ["1d", "ended in the last day"], ["7d", "ended in the last 7 days"],
]);
const HEIGHT = 54;
const HEIGHT_NARROW = 104;

/** @param {House} house */
export default function jobsPage(house) {
  const query = computed(() => (place.value.parts[0] === "jobs" ? place.value.query.toString() : ""));
  return h("div", { class: "page jobs" },
    head("Jobs", null, may("submit") && button("Submit a job", () => submitJob(), { class: "primary" })),
    filters(house, query),
    views(() => query.value),
    () => listOf(query.value));
}

/** @param {Record<string, string | string[] | null>} change */
function changed(change) {
  const { query } = place.peek();
  /** @type {Record<string, any>} */
  const all = {};
  for (const key of new Set(query.keys())) all[key] = query.getAll(key);
  go(link("jobs", { ...all, ...change }));
}

/**
 * @param {House} house
 * @param {Signal<string>} query
 */
function filters(house, query) {
  const chosen = () => new URLSearchParams(query.value).getAll("state").join(" ");
  const counts = computed(() => house.data.value?.counts ?? {});
  const many = (/** @type {string} */ state) =>
    state === "pending"
      ? (counts.value.ready ?? 0) + (counts.value.later ?? 0)
      : (counts.value[state] ?? 0);
  const priority = select([["", "any priority"], ...PRIORITIES.map(
    (each) => /** @type {[string, string]} */ ([each, each]))], "", { "aria-label": "Priority" });
  effect(() => {
    priority.value = new URLSearchParams(query.value).get("priority") ?? "";
  });
  priority.addEventListener("change", () => changed({ priority: priority.value }));
  const ended = select([["", "ended at any time"], ...ENDED], "", { "aria-label": "Ended" });
  effect(() => {
    const chosen = new URLSearchParams(query.value).get("finished_after") ?? "";
    ended.value = ENDED.some(([value]) => value === chosen) ? chosen : "";
  });
  ended.addEventListener("change", () => changed({ finished_after: ended.value, finished_before: null }));
  const bar = tabs("State", [["", "All"], ...STATES.map(
    (each) => /** @type {[string, string]} */ ([each, each]))], chosen,
    (state) => changed({ state: state || null }));
  [...bar.children].slice(1).forEach((tab, i) => {
    tab.append(h("span", { class: "many" }, () => number(many(STATES[i] ?? ""))));
  });
  return h("div", { class: "filters" }, bar, priority, ended,
    () => query.value && h("a", { class: "button quiet small", href: "#/jobs" }, "Clear the filter"));
}

/** @param {string} query */
function listOf(query) {
  const filter = asked(new URLSearchParams(query), now());
  const rows = new Rows(filter);
  const chosen = signal(/** @type {ReadonlySet<number>} */ (new Set()));
  const fresh = signal(0);
  onEnd(() => rows.end());
  rows.load();
  const again = throttled(() => {
    if (atTop()) rows.load();
  }, () => 1_500);
  onChanges((changes) => {
    if (changes === null) return atTop() ? again() : void (fresh.value += 1);
    const told = rows.apply(changes, atTop());
    if (!atTop()) fresh.value += told.fresh;
    else if (told.stale) again();
  });
  const small = narrow();
  const height = () => (small.value ? HEIGHT_NARROW : HEIGHT);
  return h("div", { class: "jobtable" },
    bulk(rows, filter, chosen),
    () => fresh.value > 0 && h("button", { type: "button", class: "fresh button primary", onclick: () => {
      fresh.value = 0;
      scrollTo(0, 0);
      rows.load();
    } }, `${count(fresh.value, "new job")}: show`),
    () => rows.error.value && problemCard(rows.error.value, () => rows.load()),
    () => (rows.loaded.value && rows.total.value === 0 ? nothing(query) : null),
    h("div", { role: "table", class: "vtable", "aria-label": "Jobs",
      "aria-rowcount": () => rows.total.value + 1, hidden: () => rows.loaded.value && rows.total.value === 0 },
      h("div", { role: "rowgroup" }, h("div", { role: "row", class: "jobrow titles", "aria-rowindex": 1 },
        ...[["pick", ""], ["state", "State"], ["what", "Job"], ["queue", "Queue"], ["took", "Wait · run"],
          ["when", "When"], ["acts", ""]].map(([area, title]) =>
          h("div", { role: "columnheader", class: area ?? "" }, title || h("span", { class: "unseen" },
            area === "pick" ? "choose" : "actions"))))),
      virtual({
        label: "Jobs", total: () => rows.total.value, version: () => rows.version.value,
        at: (index) => rows.at(index), want: (index) => rows.want(index), key: (row) => row.id, height,
        render: (slot) => jobRow(slot, chosen),
      })));
}

const atTop = () => scrollY < 120;

/**
 * @param {Rows} rows
 * @param {import("../filter.js").Filter} filter
 * @param {Signal<ReadonlySet<number>>} chosen
 */
function bulk(rows, filter, chosen) {
  const meant = () => (chosen.value.size ? { ids: [...chosen.value] } : { filter: forApi(filter) });
  return h("div", { class: "bulk" },
    h("span", { class: "muted", role: "status" }, () => !rows.loaded.value ? "…" : chosen.value.size
      ? `${number(chosen.value.size)} of ${count(rows.total.value, "job")} chosen`
      : count(rows.total.value, "job")),
    h("span", { class: "spacer" }),
    () => chosen.value.size > 0 &&
      button("Choose none", () => (chosen.value = new Set()), { class: "quiet small" }),
    may("operate") && button(() => (chosen.value.size ? "Retry chosen" : "Retry all these"),
      () => many("retry", meant()), { class: "small" }),
    may("operate") && button(() => (chosen.value.size ? "Cancel chosen" : "Cancel all these"),
      () => many("cancel", meant()), { class: "small" }));
}

/** @param {import("../filter.js").Filter} filter */
const forApi = (filter) =>
  filter.schedule ? { ...filter, schedule: Number(filter.schedule) } : filter;

/** @param {string} query */
const nothing = (query) =>
  query
    ? empty("No job matches.", "", h("a", { href: "#/jobs" }, "Show all jobs"))
    : empty("No job was ever submitted here.", "offhours submit pkg.module:function --arg value");

/**
 * @param {Signal<Slot<JobRow>>} slot
 * @param {Signal<ReadonlySet<number>>} chosen
 */
function jobRow(slot, chosen) {
  const first = slot.peek().item;
  if (!first) return h("div", { class: "jobrow loading", role: "row" }, h("div", { role: "cell" }, "…"));
  const { id, task } = first;
  const row = computed(() => slot.value.item ?? first);
  const pick = h("input", { type: "checkbox", "aria-label": `choose job ${id}`,
    checked: () => chosen.value.has(id), onchange: () => {
      const next = new Set(chosen.peek());
      if (!next.delete(id)) next.add(id);
      chosen.value = next;
    } });
  return h("div", { class: () => `jobrow ${row.value.state}`, role: "row", "data-row": true,
    "data-job": id, "data-href": link(["jobs", id]) },
    h("div", { role: "cell", class: "pick" }, pick),
    h("div", { role: "cell", class: "state" }, () => pill(row.value.state)),
    h("div", { role: "cell", class: "what" },
      h("div", { class: "line" }, jobLink(id), taskName(task),
        () => row.value.name && h("span", { class: "name" }, row.value.name)),
      h("div", { class: "line second" }, () => second(row.value))),
    h("div", { role: "cell", class: "queue" },
      h("a", { href: () => link("jobs", { queue: row.value.queue }) }, () => row.value.queue),
      h("a", { class: "faint", href: () => link("jobs", { priority: row.value.priority }) },
        () => row.value.priority)),
    h("div", { role: "cell", class: "took" }, () => took(row.value)),
    h("div", { role: "cell", class: "when" }, () => when(moment(row.value))),
    h("div", { role: "cell", class: "acts" }, () => row.value.state === "failed" && may("submit") &&
      button("Retry", () => retryJob(id), { class: "small", "data-retry": true })));
}

/** @param {JobRow} row */
function second(row) {
  if (row.state === "failed") return h("span", { class: "error" }, row.error ?? row.reason ?? row.code);
  if (row.state === "running" && row.progress !== null) {
    return meter(() => row.progress ?? 0, `progress of job ${row.id}`);
  }
  const reason = row.reason ? `${row.reason} · ` : "";
  return h("span", { class: "faint call" }, reason + callText(row.arguments));
}

/** @param {JobRow} row */
function took(row) {
  const { created_at, run_at, started_at, finished_at, state } = row;
  if (!started_at) return h("span", { class: "faint" }, "–");
  const due = Math.max(Date.parse(created_at), Date.parse(run_at));
  const wait = duration(Math.max(0, Date.parse(started_at) - due));
  if (!finished_at && state !== "running") return h("span", { class: "faint" }, "waits again");
  const ran = finished_at ? duration(Date.parse(finished_at) - Date.parse(started_at)) : running(started_at);
  return [h("span", { class: "faint" }, `${wait} · `), h("b", null, ran)];
}

/** @param {JobRow} row */
const moment = (row) =>
  row.finished_at ?? (row.state === "running" ? row.started_at : null) ??
  (row.state === "pending" && row.run_at > row.created_at ? row.run_at : row.created_at);
