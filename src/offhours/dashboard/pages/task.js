/** How long does it take, and which runs stand out? Of one task, or of all. */
import { pause, resume, submitJob } from "../actions.js";
import { may } from "../api.js";
import { chart, endedBar, scatter } from "../charts.js";
import { computed, h } from "../core.js";
import { brief, count, duration, now, number, percent, taskName, when } from "../format.js";
import { button, card, empty, figure, head, heading, jobLink, pill, table, tabs } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link, place, replace } from "../router.js";

/** @typedef {import("../types.js").JobRow} JobRow */
/** @typedef {import("../types.js").Figures} Figures */
/** @typedef {import("../types.js").Trends} Trends */
/** @typedef {import("../types.js").Task} Task */
/** @typedef {{ row: JobRow, took: number, waited: number }} Run */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

const LOOKED_AT = 500;
const LISTED = 15;
const HOUR = 3_600_000;
const on = about("job.succeeded", "job.failed", "job.retried");

/**
 * @param {unknown} _
 * @param {string} task  "" for all
 */
export default function taskPage(_, task) {
  const found = /** @type {Resource<{ data: JobRow[] }>} */ (resource(() =>
    link("jobs", { task, state: ["succeeded", "failed"], limit: LOOKED_AT }).slice(2), { on, every: 3_000 }));
  const hours = task ? /** @type {Resource<Trends>} */ (resource(() =>
    `metrics/trends?task=${encodeURIComponent(task)}&hours=24`, { on, every: 5_000 })) : null;
  const all = /** @type {Resource<Figures>} */ (resource(() => "metrics/summary?window=24h", { on, every: 5_000 }));
  const measure = computed(() => (place.value.query.get("of") === "wait" ? "wait" : "run"));
  const runs = computed(() => (found.data.value?.data ?? []).flatMap(runOf));
  return h("div", { class: "page" },
    head(task ? taskName(task) : "How long tasks take", task ? null : "Every task; one of them has a page of its own.", ...(task ? steering(task) : [])),
    h("div", { class: "figures" }, ...figures(task, () => (hours ?? all).data.value)),
    hours && card({ id: "hours" }, heading("The last 24 hours", () => trendPill(hours.data.value)),
      chart("Runs that ended, hour by hour", () => hourBars(task, hours.data.value), { edges: () => ["24 h ago", "now"] })),
    shown(found, () => h("div", null,
      () => runs.value.length === 0 ? card(null, empty(task ? "No run of it has ended, or none is kept. Each would be here with its time."
        : "No run has ended, or none is kept.", `offhours submit ${task || "pkg.module:function"}`)) : spread(runs, measure))));
}

/** @param {JobRow} row @returns {Run[]} */
function runOf(row) {
  if (!row.started_at || !row.finished_at) return [];
  const started = Date.parse(row.started_at);
  const due = Math.max(Date.parse(row.created_at), Date.parse(row.run_at));
  return [{ row, took: micros(row.finished_at) - micros(row.started_at), waited: Math.max(0, started - due) }];
}

/** Milliseconds with their fraction: the server tells microseconds, of which `Date` keeps none. @param {string} at */
const micros = (at) => Date.parse(at) + Number(/\.\d{3}(\d{3})/.exec(at)?.[1] ?? 0) / 1_000;

/** @param {string} task */
function steering(task) {
  const known = /** @type {Resource<{ data: Task[] }>} */ (resource(() => "tasks", { on: about("limit."), every: 500 }));
  const paused = () => known.data.value?.data.find((each) => each.task === task)?.paused;
  return [
    h("a", { class: "button", href: link("jobs", { task }) }, "Its jobs"),
    may("submit") && button("Submit one", () => submitJob(null, task)),
    () => may("operate") && (paused() ? button("Resume", () => resume({ task }), { class: "primary" }) : button("Pause", () => pause({ task }))),
  ];
}

/**
 * @param {string} task
 * @param {() => Figures | null} read
 */
function figures(task, read) {
  const time = (/** @type {(told: Figures) => number} */ of) => () => {
    const told = read();
    return told ? brief(of(told) * 1_000) : "–";
  };
  const jobs = (/** @type {string} */ state) => () => link("jobs", { task, state, finished_after: "24h" });
  const runs = (/** @type {string} */ of) => () => link(task ? ["tasks", task] : "tasks", { of });
  const bad = () => read()?.failed_executions ?? 0;
  return [
    figure("Ended", () => number(read()?.total_executions ?? 0), jobs(""), "last 24 hours"),
    figure("Failed", () => number(bad()), jobs("failed"), () => percent(read()?.error_rate ?? 0), () => (bad() ? "bad" : "")),
    figure("p50", time((told) => told.median_execution_time), runs("run"), "run time"),
    figure("p95", time((told) => told.p95_execution_time), runs("run"), "run time"),
    figure("p99", time((told) => told.p99_execution_time), runs("run"), "run time"),
    figure("Longest", time((told) => told.longest_execution_time), runs("run"), "run time"),
    figure("Lateness", time((told) => told.average_lateness), runs("wait"), "mean"),
    figure("Latest", time((told) => told.longest_lateness), runs("wait"), "longest wait"),
  ];
}

/** @param {Trends | null} told */
const trendPill = (told) => told && told.trend !== "unknown" &&
  pill({ slower: "worse", faster: "better", steady: "idle" }[told.trend], told.trend === "steady" ? "as fast as before" : `it becomes ${told.trend}`);

/**
 * @param {string} task
 * @param {Trends | null} told
 * @returns {import("../charts.js").Bar[]}
 */
function hourBars(task, told) {
  const known = new Map(told?.points.map((point) => [Date.parse(point.hour), point]));
  const last = Math.floor(now() / HOUR) * HOUR;
  return Array.from({ length: 24 }, (_, i) => last - (23 - i) * HOUR).map((at) => endedBar(at, HOUR, known.get(at), { task }));
}

/**
 * @param {Signal<Run[]>} runs
 * @param {Signal<"run" | "wait">} measure
 */
function spread(runs, measure) {
  const size = (/** @type {Run} */ run) => (measure.value === "run" ? run.took : run.waited);
  const buckets = computed(() => histogram(runs.value.map(size)));
  const chosen = () => Number(place.value.query.get("from") ?? -1);
  const meant = computed(() => {
    const bucket = buckets.value.find(({ from }) => from === chosen());
    return bucket ? runs.value.filter((run) => size(run) >= bucket.from && size(run) < bucket.to) : runs.value;
  });
  const here = (/** @type {Record<string, string | number>} */ query) => link(place.value.parts, query);
  return h("div", null,
    card({ id: "spread" }, heading(() => `${capitalOf(measure.value)} of the newest ${count(runs.value.length, "run")}`,
      tabs("What is measured", [["run", "Run time"], ["wait", "Wait"]], () => measure.value, (value) => replace(here({ of: value })))),
      chart("How many took how long", () => buckets.value.map(({ from, to, many }) => ({ key: from, parts: [["many", many]],
        chosen: from === chosen(), title: `${duration(from)} to ${duration(to)}: ${count(many, "run")}`,
        href: here({ of: measure.value, from: from === chosen() ? "" : from }) })),
      { height: 90, edges: () => [duration(buckets.value[0]?.from), duration(buckets.value.at(-1)?.to)] })),
    card({ id: "scatter" }, heading("Each run, by when it ended", () => chosen() >= 0 && h("a", { class: "button quiet small", href: here({ of: measure.value }) },
      `${count(meant.value.length, "run")} chosen: show all`)),
      scatter("Each run", () => meant.value.map((run) => ({ key: String(run.row.id), x: Date.parse(run.row.finished_at ?? ""), y: size(run),
        kind: run.row.state, title: `#${run.row.id} ${run.row.task}, ${run.row.state}, waited ${duration(run.waited)}, ran ${duration(run.took)}`,
        href: link(["jobs", run.row.id]) }))),
      h("ul", { class: "legend", "aria-hidden": "true" }, h("li", { class: "succeeded" }, "○ succeeded"), h("li", { class: "failed" }, "✕ failed"))),
    card({ id: "longest" }, heading(() => (measure.value === "run" ? "The longest runs" : "The longest waits")), table("Longest", COLUMNS,
      () => [...meant.value].sort((a, b) => size(b) - size(a)).slice(0, LISTED), ({ row }) => row.id, ({ row }) => link(["jobs", row.id]))));
}

/** @param {string} measure */
const capitalOf = (measure) => (measure === "run" ? "Run time" : "Wait");

/** Each bucket is as many times as long as the one before; all between the ends are there. @param {number[]} times */
function histogram(times) {
  const place = (/** @type {number} */ ms) => Math.floor(Math.log10(Math.max(0.1, ms)) * 4);
  const low = Math.min(...times.map(place));
  const many = Array(Math.max(...times.map(place)) - low + 1).fill(0);
  for (const ms of times) many[place(ms) - low] += 1;
  const edge = (/** @type {number} */ at) => Math.round(10 ** (at / 4) * 1_000) / 1_000;
  return many.map((each, i) => ({ from: low + i === -4 ? 0 : edge(low + i), to: edge(low + i + 1), many: each }));
}

/** @type {import("../parts.js").Column<Run>[]} */
const COLUMNS = [
  { title: "Job", show: ({ row }) => jobLink(row.id) },
  { title: "Task", show: ({ row }) => h("a", { href: link(["tasks", row.task]) }, taskName(row.task)) },
  { title: "State", show: ({ row }) => pill(row.state) },
  { title: "Waited", class: "number", show: ({ waited }) => duration(waited) },
  { title: "Ran", class: "number", show: ({ took }) => h("b", null, duration(took)) },
  { title: "Ended", show: ({ row }) => when(row.finished_at) },
];
