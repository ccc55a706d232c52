/** What waits where, how each task does, and what holds either back. */
import { pause, resume } from "../actions.js";
import { may } from "../api.js";
import { computed, h } from "../core.js";
import { duration, number, percent, taskName, when } from "../format.js";
import { button, card, empty, head, heading, pill, table } from "../parts.js";
import { resource, shown } from "../resource.js";
import { link } from "../router.js";

/** @typedef {import("../types.js").Queue} Queue */
/** @typedef {import("../types.js").Task} Task */
/** @typedef {import("../types.js").Figures & { last_execution: string | null }} Figures */
/** @typedef {Task & { figures: Figures | undefined }} Row */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

export default function queuesPage() {
  const on = () => true;
  const queues = /** @type {Resource<{ data: Queue[] }>} */ (resource(() => "queues", { on, every: 1_000 }));
  const tasks = /** @type {Resource<{ data: Task[] }>} */ (resource(() => "tasks", { on, every: 3_000 }));
  const figures = /** @type {Resource<{ data: Record<string, Figures> }>} */ (
    resource(() => "metrics/tasks", { on, every: 3_000 })
  );
  const rows = computed(() => (tasks.data.value?.data ?? []).map((task) => /** @type {Row} */ ({
    ...task, figures: figures.data.value?.data[task.task] })));
  return h("div", { class: "page" },
    head("Queues and tasks", "What waits where, how each task does, and what holds it back.",
      h("a", { class: "button", href: "#/tasks" }, "How long tasks take")),
    card({ id: "queues" }, heading("Queues"), shown(queues, () => h("div", null,
      () => queues.data.value?.data.length === 0 && empty("Nothing waits in any queue, and no limit is set.",
        "offhours submit pkg.module:function"),
      () => (queues.data.value?.data.length ?? 0) > 0 && table("Queues", QUEUES,
        () => queues.data.value?.data ?? [], (row) => row.queue, (row) => link("jobs", { queue: row.queue }))))),
    card({ id: "tasks" }, heading("Tasks"), shown(tasks, () => h("div", null,
      () => rows.value.length === 0 && empty("No task is known. A worker tells which ones it has.", "offhours up app.py"),
      () => rows.value.length > 0 && table("Tasks", TASKS, () => rows.value, (row) => row.task,
        (row) => link(["tasks", row.task]))))));
}

/**
 * @param {string} queue
 * @param {string} state
 * @param {number} many
 */
const jobs = (queue, state, many) => h("a", { href: link("jobs", { queue, state }) }, number(many));

/** @type {import("../parts.js").Column<Queue>[]} */
const QUEUES = [
  { title: "Queue", show: (q) => h("a", { href: link("jobs", { queue: q.queue }) }, h("b", null, q.queue)) },
  { title: "Running", class: "number", show: (q) => jobs(q.queue, "running", q.running) },
  { title: "Ready", class: "number", show: (q) => jobs(q.queue, "pending", q.ready) },
  { title: "Later", class: "number", show: (q) => jobs(q.queue, "pending", q.later) },
  { title: "Held", class: "number", show: (q) => jobs(q.queue, "held", q.held) },
  { title: "Oldest waits", class: "number", show: (q) => q.oldest_wait_ms === null ? "–" : duration(q.oldest_wait_ms) },
  { title: "Limits", show: (q) => [q.concurrency && `${q.concurrency} at once`, q.rate].filter(Boolean).join(", ") || "none" },
  { title: "State", show: (q) => q.paused_at
    ? h("span", null, pill("paused"), " ", when(q.paused_at), q.reason && h("div", { class: "muted" }, q.reason)) : pill("ok", "open") },
  { title: "", class: "acts", show: (q) => may("operate") && (q.paused_at
    ? button("Resume", () => resume({ queue: q.queue }, q.reason), { class: "small primary" })
    : button("Pause", () => pause({ queue: q.queue }), { class: "small" })) },
];

/** @param {(figures: Figures) => number} read */
const time = (read) => (/** @type {Row} */ { task, figures }) =>
  figures?.total_executions ? h("a", { href: link(["tasks", task]) }, duration(read(figures) * 1_000)) : "–";

/** @type {import("../parts.js").Column<Row>[]} */
const TASKS = [
  { title: "Task", show: (t) => h("a", { href: link(["tasks", t.task]) }, taskName(t.task)) },
  { title: "Workers", class: "number", show: (t) => h("a", { href: "#/workers" }, t.workers) },
  { title: "Runs", class: "number", show: (t) => h("a", { href: link("jobs", { task: t.task }) }, number(t.figures?.total_executions ?? 0)) },
  { title: "Failed", class: "number", show: (t) => h("a", { href: link("jobs", { task: t.task, state: "failed" }),
    class: t.figures?.error_rate ? "bad" : "" }, percent(t.figures?.error_rate ?? 0)) },
  { title: "Median", class: "number", show: time((f) => f.median_execution_time) },
  { title: "p95", class: "number", show: time((f) => f.p95_execution_time) },
  { title: "Longest", class: "number", show: time((f) => f.longest_execution_time) },
  { title: "Last run", show: (t) => when(t.figures?.last_execution) },
  { title: "Limits", show: (t) => [t.concurrency && `${t.concurrency} at once`, t.rate].filter(Boolean).join(", ") || "none" },
  { title: "", class: "acts", show: (t) => may("operate") && (t.paused
    ? button("Resume", () => resume({ task: t.task }), { class: "small primary" })
    : button("Pause", () => pause({ task: t.task }), { class: "small" })) },
];
