/** What can be automated, safely? Routines, the automations made of them, and their trials. */
import { may, post } from "../api.js";
import { each, h } from "../core.js";
import { tell } from "../dialogs.js";
import { count, duration, number, percent, when } from "../format.js";
import { button, card, empty, head, heading, meter, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";
import { routineName, TRIALS, verdict } from "../trials.js";

/** @typedef {import("../types.js").Pattern} Pattern */
/** @typedef {import("../types.js").Automation} Automation */
/** @typedef {import("../types.js").Trial} Trial */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

export default function optimizerPage() {
  const on = about("automation.", "trial.", "job.succeeded");
  const patterns = /** @type {Resource<{ data: Pattern[], last_cycle: string | null }>} */ (
    resource(() => "optimizer/patterns", { on: about("automation.", "job.succeeded"), every: 3_000 })
  );
  const made = /** @type {Resource<{ data: Automation[], refused: Record<string, string> }>} */ (
    resource(() => "optimizer/automations", { on })
  );
  const trials = /** @type {Resource<{ data: Trial[] }>} */ (resource(() => "optimizer/trials", { on: about("trial.", "automation.ran") }));
  return h("div", { class: "page" },
    head("Optimizer", "What repeats is written as a script, tried in a sandbox, deployed, compared with how it was done before, and taken back when it does worse.",
      may("operate") && button("Look now", look)),
    card({ id: "automations" }, heading("Automations"), shown(made, () => h("div", null,
      () => made.data.value?.data.length === 0 && empty("No automation was made yet. An engine beside the app makes them of what repeats:", "OptimizationEngine(app=app)"),
      () => (made.data.value?.data.length ?? 0) > 0 && table("Automations", AUTOMATIONS, () => made.data.value?.data ?? [],
        (row) => row.automation_id, (row) => link(["optimizer", row.automation_id]))))),
    card({ id: "patterns" }, heading("What repeats", () => patterns.data.value?.last_cycle && h("span", { class: "faint" }, "looked ", when(patterns.data.value.last_cycle))),
      shown(patterns, () => h("div", null,
        () => patterns.data.value?.data.length === 0 && empty("The engine of this server's process has found nothing that repeats. It learns from finished jobs, and from:", "engine.record_task(task)"),
        h("ul", { class: "list" }, each(() => patterns.data.value?.data ?? [], (row) => row.pattern_id, (row) => h("li", null, () => routine(row.value))))))),
    card({ id: "trials" }, heading("Trials"), shown(trials, () => h("div", null,
      () => trials.data.value?.data.length === 0 && empty("Nothing is compared. A deployed automation is, with how the same was done by hand."),
      () => (trials.data.value?.data.length ?? 0) > 0 && table("Trials", TRIALS, () => trials.data.value?.data ?? [], (row) => row.trial_id)))));
}

async function look() {
  const job = await post("optimizer/cycles");
  tell(`Job ${job.id} looks`, h("a", { href: link(["jobs", job.id]) }, "Look at it"));
}

/** @type {import("../parts.js").Column<Automation>[]} */
const AUTOMATIONS = [
  { title: "What", show: (a) => h("a", { href: link(["optimizer", a.automation_id]) }, h("b", null, routineName(a.task_type))) },
  { title: "State", show: (a) => pill(a.deployed ? "deployed" : a.state, a.state === "deployed" && !a.deployed ? "changed since" : a.state) },
  { title: "Tests", show: (a) => verdict(a) },
  { title: "Isolation", show: (a) => a.level },
  { title: "Runs", class: "number", show: (a) => h("a", { href: link("jobs", { task: "offhours automation", q: a.automation_id }) }, number(a.runs)) },
  { title: "Succeeded", class: "number", show: (a) => a.runs ? percent(a.successes / a.runs) : "–" },
  { title: "Saved", class: "number", show: (a) => duration(a.time_saved_ms) },
];

/** @param {Pattern} pattern */
function routine(pattern) {
  const parts = pattern.potential;
  return h("div", { class: "routine" },
    h("div", { class: "line" }, h("b", null, routineName(pattern.task_type)), h("span", { class: "spacer" }),
      ...pattern.automations.map((id) => h("a", { href: link(["optimizer", id]) }, "its automation"))),
    h("div", { class: "line muted" }, `${count(pattern.occurrences, "time")}, ${duration(pattern.average_duration_ms)} each, last `, when(pattern.last_seen),
      pattern.reproduced === null ? null : ` · its rules foretold ${percent(pattern.reproduced)} of later runs`),
    h("div", { class: "potential" }, meter(() => parts.total, `potential of ${pattern.task_type}`),
      h("span", { class: "faint" }, `potential ${parts.total.toFixed(2)} = frequency ${parts.frequency.toFixed(2)} + time ${parts.saving.toFixed(2)} + recency ${parts.recency.toFixed(2)}`)),
    h("details", null, h("summary", null, "Why it is believed"), h("pre", { tabindex: "0" }, pattern.explanation),
      ...pattern.examples.map((run) => h("div", null, h("div", { class: "faint" }, "seen ", when(run.at)),
        h("pre", { tabindex: "0" }, JSON.stringify(run.parameters, null, 2))))));
}
