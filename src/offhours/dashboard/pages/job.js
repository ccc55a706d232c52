/** Why did it fail, or not start? All about one job. */
import { cancelJob, deferJob, retryJob, submitJob } from "../actions.js";
import { may } from "../api.js";
import { computed, h } from "../core.js";
import { absolute, capital, clock, duration, now, percent, running, taskName, when } from "../format.js";
import { block, button, card, empty, facts, head, heading, jobLink, meter, pill } from "../parts.js";
import { resource, shown } from "../resource.js";
import { go, link } from "../router.js";
import { liveStack } from "../stack.js";
import { stateDiagram } from "../states.js";
import { traceback } from "../traceback.js";

/** @typedef {import("../types.js").Job} Job */
/** @typedef {import("../types.js").Why} Why */
/** @typedef {import("../types.js").Happening} Happening */
/** @typedef {{ flow: number | null, name: string | null, step: string | null }} InFlow */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function jobPage(_, id) {
  const on = (/** @type {Happening} */ event) => event.job === Number(id);
  const every = 250;
  const found = /** @type {import("../resource.js").Resource<Job>} */ (
    resource(() => `jobs/${id}`, { on, every })
  );
  const why = /** @type {import("../resource.js").Resource<Why>} */ (
    resource(() => `jobs/${id}/why`, { on: () => true, every: 1_000 })
  );
  const history = /** @type {import("../resource.js").Resource<{ data: Happening[] }>} */ (
    resource(() => `jobs/${id}/history`, { on, every })
  );
  const flow = /** @type {import("../resource.js").Resource<InFlow>} */ (resource(() => `jobs/${id}/flow`));
  const live = computed(() => found.data.value?.state === "running");
  const events = computed(() => history.data.value?.data ?? []);
  return shown(found, () => {
    const job = /** @type {Signal<Job>} */ (found.data);
    return h("div", { class: "page job" },
      head([h("span", { class: "faint" }, `#${id} `), taskName(job.peek().task)], job.peek().name,
        () => actions(job.value)),
      card({ class: "standing" },
        h("div", null,
          h("div", { class: "line big" }, () => pill(job.value.state), h("strong", { id: "why" }, () =>
            capital(why.data.value?.sentence ?? ""))),
          () => why.data.value?.until && h("p", { class: "muted" }, "this may change ", when(why.data.value.until)),
          () => progress(job.value),
          () => flowOf(flow.data.value),
          () => live.value && may("operate") && liveStack(Number(id))),
        () => stateDiagram(job.value.state, events.value)),
      h("div", { class: "columns" },
        h("div", null, () => about(job.value),
          () => job.value.metadata && block("Metadata", job.value.metadata)),
        h("div", null, card({ id: "runs" }, heading("Runs"), () => runs(job.value, events.value)),
          card(null, heading("What happened"), () => happenings(events.value)))),
      () => job.value.error && traceback(job.value.error),
      () => job.value.state === "succeeded" && block("Result", job.value.result),
      block("Arguments", called(job.peek())));
  });
}

/** @param {Job} job */
const called = ({ arguments: [args, kwargs] }) =>
  Object.keys(kwargs).length ? { arguments: args, "by name": kwargs } : args;

/** @param {Job} job */
function actions(job) {
  const open = ["pending", "held", "running"].includes(job.state);
  return [
    !open && may("submit") && button("Retry", async () => go(link(["jobs", await retryJob(job.id)])),
      { class: "primary", "data-retry": true }),
    may("submit") && button(open ? "Submit one like it" : "Retry with edits", () => submitJob(job)),
    job.state === "pending" && may("operate") && button("Defer", () => deferJob(job)),
    open && may("operate") && button("Cancel", () => cancelJob(job.id)),
  ];
}

/** @param {Job} job */
function progress(job) {
  const told = job.progress;
  if (job.state !== "running" || !told) return null;
  return h("div", { class: "progress" },
    meter(() => told.fraction ?? 0, "progress"),
    h("span", { class: "faint" }, `${Math.round((told.fraction ?? 0) * 100)} % ${told.message ?? ""}`));
}

/** @param {InFlow | null} of */
const flowOf = (of) => of?.flow && h("p", { class: "muted", id: "flow" }, "Step ", h("b", null, of.step), " of the flow ",
  h("a", { href: link(["flows", of.flow]) }, of.name || `flow ${of.flow}`));

/** @param {Job} job */
function about(job) {
  /** @type {[string, import("../core.js").Child][]} */
  const pairs = [
    ["Task", h("a", { href: link(["tasks", job.task]) }, taskName(job.task))],
    ["Submitted", when(job.created_at)],
    ["Due", when(job.run_at)],
    ["Priority", h("a", { href: link("jobs", { priority: job.priority }) }, job.priority)],
    ["Queue", h("a", { href: link("jobs", { queue: job.queue }) }, job.queue)],
    ["Runs", `${job.attempts} of ${job.max_attempts ?? "any number"}`],
    ["Timeout", job.timeout_ms === null ? "none" : duration(job.timeout_ms)],
  ];
  if (job.deferrals) pairs.push(["Deferred", `${job.deferrals} times`]);
  if (job.crashes) pairs.push(["Crashes", String(job.crashes)]);
  if (job.code) pairs.push(["Code", job.code]);
  if (job.reason) pairs.push(["Reason", job.reason]);
  if (job.worker) pairs.push(["Worker", h("a", { href: "#/workers" }, `worker ${job.worker}`)]);
  if (job.tenant) pairs.push(["Tenant", job.tenant]);
  if (job.retry_of) pairs.push(["Retry of", jobLink(job.retry_of)]);
  if (job.schedule) {
    pairs.push(["Schedule", h("a", { href: link(["schedules", job.schedule]) }, `schedule ${job.schedule}`)]);
    if (job.fire_at) pairs.push(["Fire", absolute(job.fire_at)]);
  }
  if (job.expires_at) pairs.push(["Expires", when(job.expires_at)]);
  return card(null, heading("About it"), facts(pairs));
}

/** @typedef {{ attempt: number, due: number, start: number, end: number | null, how: string, note: string }} Attempt */

/**
 * Wait apart from run time, for each attempt.
 * @param {Job} job
 * @param {Happening[]} events
 * @returns {Attempt[]}
 */
function attempts(job, events) {
  /** @type {Attempt[]} */
  const found = [];
  let due = Math.max(Date.parse(job.created_at), events.length ? 0 : Date.parse(job.run_at));
  for (const event of events) {
    const at = Date.parse(event.at);
    const last = found.at(-1);
    if (event.kind === "job.started") {
      found.push({ attempt: event.attempt ?? found.length + 1, due: Math.min(due, at), start: at, end: null, how: "running", note: "" });
    } else if (last && last.end === null && /^job\.(succeeded|failed|cancelled|retried|deferred|returned|rescued|crashed)$/.test(event.kind)) {
      last.end = at;
      last.how = event.kind.slice(4);
      last.note = String(event.data?.reason ?? event.data?.code ?? "");
      due = at;
    }
    const until = event.data?.until ?? event.data?.run_at;
    if (typeof until === "number") due = until / 1_000;
  }
  return found;
}

/**
 * @param {Job} job
 * @param {Happening[]} events
 */
function runs(job, events) {
  const all = attempts(job, events);
  if (!all.length) return empty("It has not started yet.");
  const longest = Math.max(1, ...all.map((run) => (run.end ?? now()) - run.due));
  return h("ul", { class: "list attempts" }, ...all.map((run) => {
    const wait = run.start - run.due;
    const ran = (run.end ?? now()) - run.start;
    const share = (/** @type {number} */ ms) => ({ width: `${Math.max(0.5, (ms / longest) * 100)}%` });
    return h("li", null,
      h("div", { class: "line" }, pill(run.how === "running" ? "running" : STATE[run.how] ?? "pending", run.how),
        h("span", null, `run ${run.attempt}`), h("span", { class: "faint" }, run.note),
        h("span", { class: "spacer" }),
        h("span", { class: "faint" }, `waited ${duration(wait)} · ran `),
        run.end === null ? running(new Date(run.start).toISOString()) : h("b", null, duration(ran))),
      h("div", { class: "gantt", "aria-hidden": "true" },
        h("div", { class: "waited", style: share(wait) }), h("div", { class: `ran ${run.how}`, style: share(ran) })));
  }));
}

const STATE = /** @type {Record<string, string>} */ ({
  succeeded: "succeeded", failed: "failed", cancelled: "cancelled", retried: "failed", crashed: "failed",
});

/** @param {Happening[]} events */
function happenings(events) {
  if (!events.length) return empty("Its events are not kept any more.");
  return h("ol", { class: "happenings" }, ...newestProgress(events).map((event) => h("li", null,
    h("time", { datetime: event.at, title: absolute(event.at) }, clock(event.at)),
    h("span", null, event.kind.replace(/^job\./, "").replaceAll("_", " ")),
    h("span", { class: "faint" }, told(event)))));
}

/**
 * Of reports of progress that follow each other the last one: it says all that those before it did.
 * @param {Happening[]} events
 */
const newestProgress = (events) =>
  events.filter(({ kind }, i) => kind !== "job.progress" || events[i + 1]?.kind !== kind);

/** @param {Happening} event */
function told({ data }) {
  if (!data || typeof data !== "object") return "";
  return Object.entries(data).filter(([key]) => key !== "error").map(([key, value]) =>
    typeof value === "number" && value > 1e14 ? `${key.replaceAll("_", " ")} ${clock(value / 1_000)}`
      : key === "fraction" ? percent(Number(value))
      : key === "message" ? String(value ?? "")
      : key === "took" ? `took ${duration(Number(value) / 1_000)}`
      : `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ");
}
