/** What can be done: the same verbs as in Python, REST and the command line. */
import { get, post, remove } from "./api.js";
import { h } from "./core.js";
import { ask, tell, typed, typedJson } from "./dialogs.js";
import { count } from "./format.js";
import { button, field, select } from "./parts.js";
import { go, link } from "./router.js";

/** @typedef {import("./types.js").Job} Job */

export const PRIORITIES = ["critical", "high", "normal", "low", "background"];

/**
 * A way back, for as long as the message is there.
 * @param {() => Promise<unknown>} back
 * @param {string} [label]
 */
const undo = (back, label = "Undo") => button(label, async (event) => {
  await back();
  /** @type {Element} */ (event.target).closest(".toast")?.remove();
}, { class: "small" });

/** @param {number} id */
export async function retryJob(id) {
  const made = await post(`jobs/${id}/retry`);
  tell(`Job ${id} is retried as job ${made.id}`, [toJob(made.id), undo(() => post(`jobs/${made.id}/cancel`, { reason: "undone" }))]);
  return made.id;
}

/** @param {number} id */
const toJob = (id) => h("a", { href: link(["jobs", id]) }, "Look at it");

/** @param {number} id */
export function cancelJob(id) {
  return ask({
    title: `Cancel job ${id}?`,
    body: "One job. If it runs, its run is asked to stop.",
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500 }))],
    label: "Cancel the job",
    danger: true,
    act: async (form) => {
      const { outcome } = await post(`jobs/${id}/cancel`, { reason: typed(form, "reason") });
      const stopped = outcome === "cancelled";
      tell(stopped ? `Job ${id} is cancelled` : `Job ${id} is asked to stop`, stopped && undo(() => retryJob(id), "Submit it again"));
    },
  });
}

/** @param {Job} job */
export function deferJob({ id, run_at: before }) {
  return ask({
    title: `Move job ${id} to later`,
    fields: [
      field("Until", h("input", { name: "until", required: true, placeholder: "2h, 14:00, or a date" })),
      field("Reason", h("input", { name: "reason", maxlength: 500 })),
    ],
    label: "Defer",
    act: async (form) => {
      await post(`jobs/${id}/defer`, { until: typed(form, "until"), reason: typed(form, "reason") });
      tell(`Job ${id} runs later`, undo(() => post(`jobs/${id}/defer`, { until: before, reason: "undone" })));
    },
  });
}

/**
 * Submit a job, from nothing or like another one.
 * @param {Job | null} [like]
 * @param {string} [task]
 */
export async function submitJob(like, task) {
  const { data } = await get("tasks");
  const names = data.map((/** @type {{ task: string }} */ each) => each.task);
  const [args, kwargs] = like?.arguments ?? [[], {}];
  await ask({
    title: like ? `Retry job ${like.id} with edits` : "Submit a job",
    fields: [
      field("Task", h("input", { name: "task", required: true, value: like?.task ?? task ?? names[0] ?? "",
        list: "tasks" }), h("datalist", { id: "tasks" }, ...names.map(
        (/** @type {string} */ name) => h("option", { value: name })))),
      field("Arguments", h("textarea", { name: "args", rows: 3, spellcheck: "false",
        value: JSON.stringify(args) }), "A JSON list"),
      field("By name", h("textarea", { name: "kwargs", rows: 2, spellcheck: "false",
        value: JSON.stringify(kwargs) }), "A JSON object"),
      field("Priority", select(PRIORITIES.map((p) => [p, p]), like?.priority ?? "normal",
        { name: "priority" })),
      field("Delay", h("input", { name: "delay", placeholder: "none, or 10m" })),
    ],
    label: "Submit",
    act: async (form) => {
      const delay = typed(form, "delay");
      const made = await post("jobs", {
        task: typed(form, "task"),
        args: typedJson(typed(form, "args"), "Arguments", []),
        kwargs: typedJson(typed(form, "kwargs"), "By name", {}),
        priority: typed(form, "priority"),
        ...(like ? { queue: like.queue, name: like.name, metadata: like.metadata } : {}),
        ...(delay ? { delay } : {}),
      });
      go(link(["jobs", made.id]));
    },
  });
}

/**
 * Retry or cancel many: the count is told first, and only that many are done.
 * @param {"retry" | "cancel"} verb
 * @param {{ ids?: number[], filter?: object }} meant
 */
export async function many(verb, meant) {
  const { count: found } = await post(`jobs:${verb}`, meant);
  if (!found) {
    tell(`None of these jobs can be ${verb === "retry" ? "retried" : "cancelled"}`);
    return false;
  }
  const what = `${verb === "retry" ? "Retry" : "Cancel"} ${count(found, "job")}`;
  return ask({
    title: `${what}?`,
    body: verb === "retry"
      ? "Each is submitted anew, with the same arguments. The old ones stay as they are."
      : "Those that run are asked to stop.",
    label: what,
    danger: verb === "cancel",
    act: async () => {
      const begun = await post(`jobs:${verb}`, { ...meant, confirm: found });
      tell(`${what}: begun`);
      follow(begun.id, what);
    },
  });
}

/**
 * Tell how a long action ends.
 * @param {number} id
 * @param {string} what
 */
export async function follow(id, what) {
  for (let wait = 200; ; wait = Math.min(2_000, wait * 1.5)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const told = await get(`operations/${id}`).catch(() => null);
    if (!told) return;
    if (told.state === "running") continue;
    const failed = told.failed ? `, ${told.failed} refused` : "";
    const [refused] = told.result?.refused ?? [];
    tell(told.total === 1 && refused ? new Error(refused.detail) : `${what}: ${told.done} done${failed}`);
    return;
  }
}

/** @typedef {{ queue?: string, task?: string }} Subject */

/** @param {Subject} subject */
const named = (subject) =>
  subject.queue ? `the queue ${subject.queue}` : subject.task ? `the task ${subject.task}` : "all work";

/** @param {Subject} subject */
export function pause(subject) {
  return ask({
    title: `Pause ${named(subject)}?`,
    body: "Nothing of it starts until somebody lets it go on. What runs goes on.",
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500, autofocus: true }),
      "It is told to everybody who asks why.")],
    label: "Pause",
    act: async (form) => {
      await post("pause", { ...subject, reason: typed(form, "reason") });
      tell(`Paused: ${named(subject)}`, undo(() => post("resume", subject)));
    },
  });
}

/**
 * @param {Subject} subject
 * @param {string | null} [reason]  for which it was paused
 */
export async function resume(subject, reason) {
  await post("resume", subject);
  tell(`Goes on: ${named(subject)}`, undo(() => post("pause", { ...subject, reason: reason ?? "" })));
}

/** @param {{ scope: string, name: string | null }} held */
export const subjectOf = (held) =>
  held.scope === "queue" || held.scope === "task" ? { [held.scope]: held.name ?? "" } : {};

/** @param {number} id */
export function pauseSchedule(id) {
  return ask({
    title: "Pause this schedule?",
    body: "What is due meanwhile is recorded as skipped.",
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500, autofocus: true }))],
    label: "Pause",
    act: async (form) => {
      await post(`schedules/${id}/pause`, { reason: typed(form, "reason") });
      tell("It fires no more", undo(() => post(`schedules/${id}/resume`)));
    },
  });
}

/** @param {number} id */
export async function resumeSchedule(id) {
  await post(`schedules/${id}/resume`);
  tell("It fires again", undo(() => post(`schedules/${id}/pause`, { reason: "" })));
}

/** @param {number} id */
export async function runSchedule(id) {
  const made = await post(`schedules/${id}/run`);
  tell(`It runs as job ${made.id}`, toJob(made.id));
}

/**
 * @param {number} id
 * @param {string} name
 * @param {string} etag
 */
export function deleteSchedule(id, name, etag) {
  return ask({
    title: `Delete the schedule ${name}?`,
    body: "One schedule, with the record of its fires. Its jobs stay.",
    label: "Delete",
    danger: true,
    act: () => remove(`schedules/${id}`, etag),
  });
}
