/** Was the new model kept, and why? What holds the next cycle? */
import { trainModel } from "../cycles.js";
import { may } from "../api.js";
import { h, signal } from "../core.js";
import { capital, number, when } from "../format.js";
import { button, card, empty, head, heading, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";
import { CYCLES, measured, waits } from "../cycles.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("../types.js").Cycle} Cycle */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

export default function trainingPage() {
  const limit = signal(25);
  const on = about("training.", "model.", "job.", "foreground.");
  const models = /** @type {Resource<{ data: Model[] }>} */ (resource(() => "training/models?limit=500", { on }));
  const cycles = /** @type {Resource<{ data: Cycle[], next_cursor: string | null }>} */ (
    resource(() => `training/cycles?limit=${limit.value}`, { on: about("training.") })
  );
  return h("div", { class: "page" },
    head("Training", "A model is trained when its gates allow, judged on examples that never change, and serves only if it is as good.",
      may("operate") && button("Train now", () => trainModel())),
    card({ id: "models" }, heading("Models"), shown(models, () => h("div", null,
      () => models.data.value?.data.length === 0 && empty("No model was trained yet. A program that has app.trainer(...) makes cycles; one is asked for with:",
        "offhours train MODEL --tenant NAME"),
      () => (models.data.value?.data.length ?? 0) > 0 && table("Models", MODELS, () => models.data.value?.data ?? [],
        (model) => model.id, (model) => link(["training", model.id]))))),
    card({ id: "cycles" }, heading("Cycles"), shown(cycles, () => h("div", null,
      () => cycles.data.value?.data.length === 0 && empty("No cycle has begun."),
      () => (cycles.data.value?.data.length ?? 0) > 0 && table("Cycles", [
        { title: "Model", show: (cycle) => h("a", { href: link(["training", cycle.model_id]) }, `${cycle.model} of ${cycle.tenant}`) },
        ...CYCLES,
      ], () => cycles.data.value?.data ?? [], (cycle) => cycle.cycle),
      () => cycles.data.value?.next_cursor && limit.value < 500 && button("Show more", () => void (limit.value = 500))))));
}

/** @param {Model} model @param {number} many @param {string} [kind] */
const cyclesOf = (model, many, kind = "") => h("a", { href: link(["training", model.id]), class: kind }, number(many));

/** @type {import("../parts.js").Column<Model>[]} */
const MODELS = [
  { title: "Model", show: (m) => h("a", { href: link(["training", m.id]) }, h("b", null, m.model), h("span", { class: "muted" }, ` of ${m.tenant}`)) },
  { title: "Serves", show: (m) => m.aliases.champion ? h("span", null, pill("champion", `version ${m.aliases.champion}`)) : h("span", { class: "faint" }, "nothing yet") },
  { title: "Measured", class: "muted", show: (m) => measured(m.metrics) },
  { title: "Good", class: "number", show: (m) => cyclesOf(m, m.good) },
  { title: "Bad", class: "number", show: (m) => cyclesOf(m, m.bad, m.bad ? "bad" : "") },
  { title: "Skipped", class: "number", show: (m) => cyclesOf(m, m.skipped) },
  { title: "Last cycle", show: (m) => m.last ? h("div", null, pill(m.last.status), " ", when(m.last.started_at),
    h("div", { class: "muted" }, capital(m.last.reason ?? ""))) : "–" },
  { title: "Now", show: (m) => waits(m) },
];
