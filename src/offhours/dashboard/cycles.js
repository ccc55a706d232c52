/** What both pages of training show, and what can be done there. */
import { post, postVersioned } from "./api.js";
import { h } from "./core.js";
import { ask, tell, typed } from "./dialogs.js";
import { capital, duration, when } from "./format.js";
import { field, jobLink, pill } from "./parts.js";
import { link } from "./router.js";

/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Cycle} Cycle */

/** @param {Record<string, any> | null} metrics */
export function measured(metrics) {
  const told = Object.entries(metrics ?? {}).map(([name, value]) =>
    `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : JSON.stringify(value)}`);
  return told.join(", ") || "–";
}

/**
 * What its next cycle waits for, or that one is at work.
 * @param {Model} model
 */
export const waits = ({ waiting }) => waiting.length === 0 ? h("span", { class: "faint" }, "none waits")
  : h("div", null, ...waiting.map(({ job, state, why }) => h("div", null,
    h("div", { class: "line" }, pill(state), jobLink(job), why.until && when(why.until)),
    h("div", { class: "muted" }, capital(why.sentence)))));

/** @type {import("./parts.js").Column<Cycle>[]} */
export const CYCLES = [
  { title: "Cycle", show: (cycle) => h("span", { class: "id" }, `#${cycle.cycle}`) },
  { title: "End", show: (cycle) => h("div", { class: "line" }, pill(cycle.status, cycle.status === "running" ? `running: ${cycle.step ?? "begins"}` : cycle.status),
    cycle.forced && h("span", { class: "faint" }, "forced")) },
  { title: "Why", show: (cycle) => capital(cycle.reason ?? "") },
  { title: "Began", show: (cycle) => when(cycle.started_at) },
  { title: "Took", class: "number", show: (cycle) => cycle.finished_at === null ? "–" : duration(Date.parse(cycle.finished_at) - Date.parse(cycle.started_at)) },
  { title: "Job", show: (cycle) => jobLink(cycle.job) },
  { title: "Measured", show: (cycle) => cycle.report === null ? "–" : h("details", null, h("summary", null, "report"),
    h("pre", { tabindex: "0" }, JSON.stringify(cycle.report, null, 2))) },
];

/** @param {Model} [model] */
export function trainModel(model) {
  return ask({
    title: model ? `Train ${model.model} of ${model.tenant} now?` : "Train a model",
    body: "The cycle is stored as a job. It starts when the gates of the model are open.",
    fields: [
      ...(model ? [] : [field("Model", h("input", { name: "model", required: true, maxlength: 200 })),
        field("Tenant", h("input", { name: "tenant", required: true, maxlength: 200 }))]),
      h("label", { class: "line" }, h("input", { type: "checkbox", name: "force" }), "Pass the gates that a person may pass; that is written down"),
    ],
    label: "Train",
    act: async (form) => {
      const force = /** @type {HTMLInputElement} */ (form.elements.namedItem("force")).checked;
      const meant = model ?? { model: typed(form, "model"), tenant: typed(form, "tenant") };
      const job = await post("training/cycles", { model: meant.model, tenant: meant.tenant, force });
      tell(`Job ${job.id} trains when it may`, h("a", { href: link(["jobs", job.id]) }, "Look at it"));
    },
  });
}

/**
 * Let another version serve; `to` is null for the one before.
 * @param {Model} model
 * @param {number | null} to
 * @param {string} etag
 * @param {() => void} done
 */
export function serve(model, to, etag, done) {
  const { champion, previous } = model.aliases;
  const next = to ?? previous;
  return ask({
    title: to === null ? `Roll ${model.model} back to version ${next}?` : `Let version ${next} of ${model.model} serve?`,
    body: `Version ${next} serves ${model.tenant} from then on${champion ? ` instead of version ${champion}` : ""}. Nothing is deleted: the same way leads back.`,
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500, autofocus: true }), "It is kept with the change.")],
    label: to === null ? "Roll back" : "Let it serve",
    danger: true,
    act: async (form) => {
      const reason = typed(form, "reason");
      if (to === null) await postVersioned(`training/models/${model.id}/rollback`, { reason }, etag);
      else await postVersioned(`training/models/${model.id}/restore`, { version: to, reason }, etag);
      tell(`Version ${next} serves now`);
      done();
    },
  });
}
