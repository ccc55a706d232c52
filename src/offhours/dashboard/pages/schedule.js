/** One schedule: when it fires, what became of its fires, how it is set. */
import { deleteSchedule } from "../actions.js";
import { getVersioned, may, post } from "../api.js";
import { h } from "../core.js";
import { ask, tell, typed } from "../dialogs.js";
import { absolute, capital, count, duration, taskName, when } from "../format.js";
import { block, button, card, empty, facts, head, heading, jobLink, pill, table } from "../parts.js";
import { resource, shown } from "../resource.js";
import { go, link } from "../router.js";
import { fireTimes } from "../fires.js";
import { bars, cronOf, statusPill, steer } from "./schedules.js";

/** @typedef {import("../types.js").Schedule} Schedule */
/** @typedef {import("../types.js").Fire} Fire */
/** @typedef {import("../types.js").Explained} Explained */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function schedulePage(_, id) {
  const on = (/** @type {import("../types.js").Happening} */ event) =>
    event.kind.startsWith("schedule.") || event.kind === "job.succeeded" || event.kind === "job.failed";
  const found = /** @type {import("../resource.js").Resource<Schedule>} */ (resource(() => `schedules/${id}`, { on }));
  const fires = /** @type {import("../resource.js").Resource<{ data: Fire[] }>} */ (
    resource(() => `schedules/${id}/fires?limit=100`, { on })
  );
  const explained = /** @type {import("../resource.js").Resource<Explained>} */ (
    resource(() => `schedules/${id}/explain`, { on, every: 5_000 })
  );
  return shown(found, () => {
    const row = /** @type {Signal<Schedule>} */ (found.data);
    return h("div", { class: "page schedule-page" },
      head(row.peek().name, null, () => [...steer(row.value), ...changes(row.value)]),
      card({ class: "standing" }, h("div", null,
        h("div", { class: "sentence big" }, () => row.value.sentence),
        h("div", { class: "line faint" }, () => h("code", null, cronOf(row.value)), () => row.value.timezone,
          () => taskName(row.value.task)),
        h("p", { class: "line" }, () => statusPill(row.value), () => capital(row.value.why.sentence))), () => bars(row.value.results)),
      h("div", { class: "columns" },
        h("div", null, card({ id: "fires" }, heading("Next five fires"),
          shown(explained, () => h("div", null, () => explained.data.value && fireTimes(explained.data.value))))),
        h("div", null, card(null, heading("How it is set"), () => facts(settings(row.value))))),
      card(null, heading("What became of its fires", h("a", { class: "button quiet small",
        href: link("jobs", { schedule: id }) }, "Its jobs")),
        () => fires.data.value?.data.length === 0 && empty("It has not fired yet."),
        table("Fires", [
          { title: "Instant", show: (fire) => h("time", { datetime: fire.instant }, absolute(fire.instant)) },
          { title: "Result", show: (fire) => fire.job === null ? pill("skipped", fire.code) : pill(fire.state ?? "ended", fire.state ?? "job is gone") },
          { title: "Job", show: (fire) => fire.job === null ? "–" : jobLink(fire.job) },
          { title: "Late by", class: "number", show: (fire) => duration(fire.delay_ms) },
          { title: "Why", class: "muted", show: (fire) => fire.reason ?? fire.code.replaceAll("_", " ") },
        ], () => fires.data.value?.data ?? [], (fire) => fire.instant,
        (fire) => (fire.job === null ? link(["schedules", id]) : link(["jobs", fire.job])))),
      () => block("Arguments", row.value.arguments));
  });
}

/** @param {Schedule} row */
function changes(row) {
  if (!may("admin")) return [];
  return [
    h("a", { class: "button", href: link(["schedules", row.id, "edit"]) }, "Edit"),
    button("Backfill", () => backfill(row.id)),
    button("Delete", async () => {
      const { etag } = await getVersioned(`schedules/${row.id}`);
      if (await deleteSchedule(row.id, row.name, etag)) go("#/schedules");
    }),
  ];
}

/** @param {Schedule} row */
function settings(row) {
  return /** @type {[string, import("../core.js").Child][]} */ ([
    ["Fired", h("a", { href: link("jobs", { schedule: row.id }) }, count(row.runs, "time"))],
    ["Skipped", count(row.skipped, "fire")],
    ["Failures in a row", row.disable_after ? `${row.failures}; disabled after ${row.disable_after}` : String(row.failures)],
    ["Last fire", when(row.last_at)],
    ["Catch up", row.catch_up],
    ["Overlap", row.overlap.replaceAll("_", " ")],
    ["Jitter", row.jitter_ms ? `up to ${duration(row.jitter_ms)}` : "none"],
    ["Quiet hours", row.blackout.length ? row.blackout.join(", ") : "none"],
    ["Priority", row.priority],
    ["Queue", h("a", { href: link("jobs", { queue: row.queue }) }, row.queue)],
    ["Ends", row.max_runs ? `after ${count(row.max_runs, "run")}` : "never"],
    ["Changed", when(row.updated_at)],
  ]);
}

/** @param {number} id */
function backfill(id) {
  const input = (/** @type {string} */ name) => h("input", { name, type: "datetime-local", required: true });
  return ask({
    title: "Make up for what has no job",
    body: "First the instants are counted.",
    fields: [h("label", { class: "field" }, h("span", null, "From"), input("start")),
      h("label", { class: "field" }, h("span", null, "To"), input("end"))],
    label: "Count",
    act: async (form) => {
      const window = { start: new Date(typed(form, "start")).toISOString(), end: new Date(typed(form, "end")).toISOString() };
      const told = await post(`schedules/${id}/backfill`, window);
      if (!told.count) return tell("Nothing is missing in this time");
      const what = `Make ${count(told.count, "job")}`;
      return void ask({
        title: `${what}?`,
        label: what,
        act: () => post(`schedules/${id}/backfill`, { ...window, confirm: told.count }),
      });
    },
  });
}
