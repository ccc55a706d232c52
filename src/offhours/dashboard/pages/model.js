/** One model: what serves, what was before, why each cycle ended as it did, and the way back. */
import { getVersioned, may, post } from "../api.js";
import { h } from "../core.js";
import { tell } from "../dialogs.js";
import { capital, count, number, when } from "../format.js";
import { button, card, empty, head, heading, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { CYCLES, measured, serve, trainModel, waits } from "../cycles.js";

/** @typedef {import("../types.js").WholeModel} WholeModel */
/** @typedef {import("../types.js").Version} Version */
/** @typedef {import("../types.js").Cycle} Cycle */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function modelPage(_, id) {
  const on = about("training.", "model.", "job.", "foreground.");
  const path = `training/models/${encodeURIComponent(id)}`;
  const found = /** @type {Resource<WholeModel>} */ (resource(() => path, { on, every: 500 }));
  const cycles = /** @type {Resource<{ data: Cycle[] }>} */ (
    resource(() => `training/cycles?model=${encodeURIComponent(id)}&limit=100`, { on: about("training."), every: 500 })
  );
  return shown(found, () => {
    const model = /** @type {Signal<WholeModel>} */ (found.data);
    /** The version that is changed is the one that was looked at. @param {number | null} to */
    const change = async (to) => {
      const { data, etag } = await getVersioned(path);
      await serve(data, to, etag, found.refresh);
    };
    return h("div", { class: "page model" },
      head([model.peek().model, h("span", { class: "faint" }, ` of ${model.peek().tenant}`)], null, () => may("operate") && [
        button("Train now", () => trainModel(model.peek())),
        model.value.bad > 0 && button("Pardon failures", async () => {
          const { pardoned } = await post(`${path}/pardon`);
          tell(`${count(pardoned, "failure")} in a row ${pardoned === 1 ? "counts" : "count"} no more`);
        }),
        model.value.aliases.previous && button("Roll back", () => change(null), { class: "danger" }),
      ]),
      card({ class: "standing" }, h("div", null,
        h("div", { class: "line big" }, () => model.value.aliases.champion
          ? [pill("champion", `version ${model.value.aliases.champion}`), h("strong", null, "serves")] : h("strong", null, "Nothing serves yet")),
        h("p", { class: "muted" }, () => measured(model.value.metrics))),
      h("div", { id: "waiting" }, h("h2", null, "The next cycle"), () => waits(model.value))),
      card({ id: "parts" }, heading("Parts"), () => h("div", { class: "parts" },
        ...["champion", "challenger", "previous"].map((alias) => part(alias, model.value)))),
      card({ id: "cycles" }, heading("Cycles", () => h("span", { class: "faint" },
        `${number(model.value.good)} good, ${number(model.value.bad)} bad, ${number(model.value.skipped)} skipped`)), shown(cycles, () => table("Cycles", CYCLES, () => cycles.data.value?.data ?? [], (cycle) => cycle.cycle))),
      card({ id: "versions" }, heading("Versions"), () => model.value.versions.length === 0 && empty("No cycle has made a version yet."),
        table("Versions", versions(change), () => model.value.versions, (version) => version.version)),
      card({ id: "moves" }, heading("What served"), () => model.value.moves.length === 0 && empty("Nothing has served yet."),
        table("Changes of what serves", MOVES, () => model.value.moves, (move) => move.id)));
  });
}

/**
 * @param {string} alias
 * @param {WholeModel} model
 */
function part(alias, model) {
  const number = model.aliases[alias];
  const version = model.versions.find((each) => each.version === number);
  return h("div", { class: `part ${alias}` }, h("div", { class: "faint" }, capital(alias)),
    h("div", { class: "big" }, number ? `version ${number}` : "none"),
    version && h("div", { class: "muted" }, measured(version.metrics)), version && h("div", { class: "faint" }, "made ", when(version.created_at)));
}

/**
 * @param {(to: number) => Promise<unknown>} change
 * @returns {import("../parts.js").Column<Version>[]}
 */
const versions = (change) => [
  { title: "Version", show: (v) => h("b", null, String(v.version)) },
  { title: "Part", show: (v) => v.aliases.map((alias) => pill(alias)) },
  { title: "Measured", show: (v) => measured(v.metrics) },
  { title: "Bytes", class: "number", show: (v) => v.dropped_at ? "given up" : number(v.bytes) },
  { title: "Made", show: (v) => when(v.created_at) },
  { title: "Cycle", show: (v) => v.cycle ? h("span", { class: "id" }, `#${v.cycle}`) : "–" },
  { title: "", class: "acts", show: (v) => may("operate") && !v.dropped_at && !v.aliases.includes("champion") &&
    button("Let it serve", () => change(v.version), { class: "small" }) },
];

/** @type {import("../parts.js").Column<import("../types.js").Move>[]} */
const MOVES = [
  { title: "When", show: (move) => when(move.at) },
  { title: "What", show: (move) => capital(move.kind.replaceAll("_", " ")) },
  { title: "Versions", show: (move) => `${move.from_number ?? "none"} → ${move.to_number}` },
  { title: "By", show: (move) => h("b", null, move.by) },
  { title: "Why", class: "muted", show: (move) => move.reason },
];
