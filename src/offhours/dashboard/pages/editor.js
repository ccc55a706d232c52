/** Did it understand me? A schedule while it is typed: read back as a sentence, cron and fires. */
import { get, getVersioned, may, patch, post, Problem } from "../api.js";
import { PRIORITIES } from "../actions.js";
import { effect, h, onEnd, signal } from "../core.js";
import { describe, tell, typed, typedJson } from "../dialogs.js";
import { duration, ownZone } from "../format.js";
import { button, card, field, head, heading, select } from "../parts.js";
import { problemCard } from "../resource.js";
import { go, link } from "../router.js";
import { fireTimes } from "../fires.js";

/** @typedef {import("../types.js").Schedule} Schedule */
/** @typedef {import("../types.js").Explained} Explained */
/** @typedef {{ data: Schedule, etag: string }} Versioned */

const PAUSE = 180; // ms after the last key
const EXAMPLES = ["every weekday at 9am", "every 15 minutes", "every sunday at noon", "on the last day of the month at 18:00"];
const OVERLAPS = /** @type {[string, string][]} */ ([
  ["skip", "skip the new one"], ["queue_one", "let one wait"], ["queue_all", "let all wait"],
  ["cancel_old", "cancel the old one"], ["allow", "run both"],
]);

/**
 * @param {unknown} _
 * @param {string} id  a number, or "new"
 */
export default function editorPage(_, id) {
  const start = signal(/** @type {Versioned | "new" | Error | null} */ (id === "new" ? "new" : null));
  const load = () => getVersioned(`schedules/${id}`).then((told) => (start.value = told), (error) => (start.value = error));
  if (id !== "new") load();
  return h("div", { class: "page editor" }, () => {
    const from = start.value;
    if (from instanceof Error) return problemCard(from, load);
    if (from === null) return h("div", { class: "skeleton" });
    return form(from === "new" ? null : from);
  });
}

/** @param {Versioned | null} old */
function form(old) {
  const row = old?.data;
  const words = h("input", { name: "when", class: "phrase", required: true, autocomplete: "off", spellcheck: "false",
    value: row?.text ?? "", placeholder: "every weekday at 9am", "aria-describedby": "preview", maxlength: 500 });
  const zone = h("input", { name: "timezone", list: "zones", value: row?.timezone ?? ownZone(), spellcheck: "false" });
  const tasks = h("datalist", { id: "tasks" });
  const task = h("input", { name: "task", required: true, list: "tasks", value: row?.task ?? "", readonly: Boolean(row), spellcheck: "false" });
  get("tasks").then(({ data }) => {
    tasks.append(...data.map((/** @type {{ task: string }} */ each) => h("option", { value: each.task })));
    if (!task.value && data[0]) task.value = data[0].task;
  }, tell);
  const refused = h("p", { class: "refused", role: "alert" });
  const [args, kwargs] = row?.arguments ?? [[], {}];
  const made = h("form", { class: "editorform" },
    card({ class: "asking" },
      field("When", words, "English or cron."),
      h("div", { class: "line examples" }, ...EXAMPLES.map((each) => button(each, () => {
        words.value = each;
        words.dispatchEvent(new Event("input"));
      }, { class: "quiet small" }))),
      preview(words, zone)),
    card(null,
      h("div", { class: "fields" },
        field("Task", task), tasks,
        field("Name", h("input", { name: "name", value: row?.name ?? "", maxlength: 200, placeholder: "the task's name" })),
        field("Time zone", zone), h("datalist", { id: "zones" }, ...zones()),
        field("Priority", select(PRIORITIES.map((p) => [p, p]), row?.priority ?? "normal", { name: "priority" })),
        field("Arguments", h("textarea", { name: "args", rows: 2, spellcheck: "false", value: JSON.stringify(args) }), "A JSON list"),
        field("By name", h("textarea", { name: "kwargs", rows: 2, spellcheck: "false", value: JSON.stringify(kwargs) }), "A JSON object")),
      h("details", null, h("summary", null, "What if it is late, busy, failing"),
        h("div", { class: "fields" },
          field("When the last one still runs", select(OVERLAPS, row?.overlap ?? "skip", { name: "overlap" })),
          field("Catch up", h("input", { name: "catch_up", value: row?.catch_up ?? "once" }), "once, none, all, or how many"),
          field("Quiet hours", h("input", { name: "blackout", value: row?.blackout.join(", ") ?? "", placeholder: "22:00-06:00" }), "Apart by commas"),
          field("Jitter", h("input", { name: "jitter", value: row?.jitter_ms ? duration(row.jitter_ms) : "", placeholder: "none, or 30s" })),
          field("Disable after failures in a row", h("input", { name: "disable_after", type: "number", min: 1, value: row ? (row.disable_after ?? "") : 5 }), "Empty: never"),
          field("Queue", h("input", { name: "queue", value: row?.queue ?? "", placeholder: "default" }))))),
    refused,
    h("footer", { class: "line" }, h("button", { class: "button primary" }, row ? "Save the changes" : "Save the schedule"),
      h("a", { class: "button quiet", href: row ? link(["schedules", row.id]) : "#/schedules" }, "Cancel")));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    refused.textContent = "";
    try {
      const body = told(made, row);
      const saved = old ? await patch(`schedules/${old.data.id}`, body, old.etag) : await post("schedules", body);
      tell(`Saved: ${saved.sentence}`);
      go(link(["schedules", saved.id]));
    } catch (error) {
      refused.textContent = describe(/** @type {Error} */ (error));
    }
  });
  queueMicrotask(() => words.focus());
  return h("div", null, head(row ? `Edit ${row.name}` : "New schedule",
    may("admin") ? null : "Your token may look, not change."), made);
}

/** @returns {HTMLElement[]} */
const zones = () => Intl.supportedValuesOf("timeZone").map((name) => h("option", { value: name }));

/**
 * What was typed; of a schedule that is there already, only what differs.
 * @param {HTMLFormElement} form
 * @param {Schedule} [old]
 */
function told(form, old) {
  const after = typed(form, "disable_after");
  /** @type {Record<string, any>} */
  const all = {
    when: typed(form, "when"),
    name: typed(form, "name") || null,
    timezone: typed(form, "timezone") || null,
    priority: typed(form, "priority"),
    args: typedJson(typed(form, "args"), "Arguments", []),
    kwargs: typedJson(typed(form, "kwargs"), "By name", {}),
    overlap: typed(form, "overlap"),
    catch_up: /^\d+$/.test(typed(form, "catch_up")) ? Number(typed(form, "catch_up")) : typed(form, "catch_up") || "once",
    blackout: typed(form, "blackout").split(",").map((each) => each.trim()).filter(Boolean),
    jitter: typed(form, "jitter").replaceAll(" ", "") || 0,
    disable_after: after ? Number(after) : null,
    queue: typed(form, "queue") || null,
  };
  if (!old) return { ...all, task: typed(form, "task") };
  /** @type {Record<string, unknown>} */
  const before = {
    ...old, when: old.text, args: old.arguments[0], kwargs: old.arguments[1],
    jitter: old.jitter_ms ? duration(old.jitter_ms).replaceAll(" ", "") : 0,
  };
  return Object.fromEntries(Object.entries(all).filter(([key, value]) =>
    value !== null || key === "disable_after").filter(([key, value]) =>
    JSON.stringify(value) !== JSON.stringify(before[key])));
}

/**
 * @param {HTMLInputElement} words
 * @param {HTMLInputElement} zone
 */
function preview(words, zone) {
  const answer = signal(/** @type {Explained | Error | null} */ (null));
  let turn = 0;
  /** @type {number | undefined} */
  let timer;
  async function look() {
    const own = ++turn;
    if (!words.value.trim()) return void (answer.value = null);
    try {
      const told = await post("schedules:preview", { when: words.value, ...(zone.value ? { timezone: zone.value } : {}) });
      if (own === turn) answer.value = told;
    } catch (error) {
      if (own === turn) answer.value = /** @type {Error} */ (error);
    }
  }
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  };
  words.addEventListener("input", soon);
  zone.addEventListener("input", soon);
  onEnd(() => clearTimeout(timer));
  effect(() => void look());
  return h("div", { class: "preview", id: "preview", "aria-live": "polite" }, () => {
    const told = answer.value;
    if (told === null) return h("p", { class: "muted" }, "Type when it should run; here stands what was understood.");
    if (told instanceof Error) return misunderstood(told, words);
    return h("div", null, heading(h("span", { class: "sentence" }, told.sentence)),
      h("p", { class: "line" }, ...told.expressions.map((each) => h("code", null, each))), fireTimes(told));
  });
}

/**
 * @param {Error} error
 * @param {HTMLInputElement} words
 */
function misunderstood(error, words) {
  const choices = error instanceof Problem ? (error.body.choices ?? []) : [];
  return h("div", { class: "refused" }, h("p", null, error.message),
    choices.length > 0 && h("p", { class: "line" }, "Did you mean ", ...choices.map((choice) => button(choice, () => {
      words.value = choice;
      words.dispatchEvent(new Event("input"));
      words.focus();
    }, { class: "small" }))));
}
