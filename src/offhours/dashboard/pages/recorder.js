/** What is usual for each tool, what went slow, and when? */
import { may, put } from "../api.js";
import { h } from "../core.js";
import { ask, tell } from "../dialogs.js";
import { duration, number, percent, when } from "../format.js";
import { button, card, empty, field, head, heading, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link, place } from "../router.js";

/** @typedef {import("../types.js").DumpRow} DumpRow */
/** @typedef {import("../types.js").Tool} Tool */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

export default function recorderPage() {
  const chosen = () => place.value.query.get("tool") ?? "";
  const tools = /** @type {Resource<{ data: Tool[], recorders: number }>} */ (
    resource(() => "recorder/tools", { on: () => true, every: 3_000 })
  );
  const found = /** @type {Resource<{ data: DumpRow[] }>} */ (resource(() => "recorder/dumps?limit=500", { on: about("recorder.") }));
  const dumps = () => (found.data.value?.data ?? []).filter((dump) => !chosen() || dump.tool === chosen());
  return h("div", { class: "page" },
    head("Recorder", "When a tool call leaves its own baseline, the calls of the last 30 s are kept."),
    card({ id: "tools" }, heading("Tools"), shown(tools, () => h("div", null,
      () => tools.data.value?.data.length === 0 && empty("No tool is recorded in the server's own process; other processes keep their figures to themselves. In this one:",
        '@recorder.tool(name="search")'),
      () => (tools.data.value?.data.length ?? 0) > 0 && table("Tools", columns(tools.refresh), () => tools.data.value?.data ?? [],
        (tool) => `${tool.recorder} ${tool.tool}`, (tool) => link("recorder", { tool: tool.tool }))))),
    card({ id: "dumps" }, heading(() => (chosen() ? `Dumps of ${chosen()}` : "Dumps"),
      () => chosen() && h("a", { class: "button quiet small", href: "#/recorder" }, "All tools")), shown(found, () => h("div", null,
      () => dumps().length === 0 && (chosen() ? empty(`No dump of ${chosen()} is kept.`) : empty(
        "No dump is kept here. The recorder of a process keeps its dumps in this database with:", "PERFCATCHER_STORE=true")),
      () => dumps().length > 0 && table("Dumps", DUMPS, dumps, (dump) => dump.dump_id, (dump) => link(["recorder", dump.dump_id]))))));
}

/** @param {Tool} tool @param {number} many @param {string} [kind] */
const calls = (tool, many, kind = "") => h("a", { href: link("recorder", { tool: tool.tool }), class: kind }, number(many));

/** @param {number} variance  of the last call against the baseline */
function against(variance) {
  const rounded = Math.round(variance * 100) || 0;
  return `${rounded > 0 ? "+" : ""}${rounded} %`;
}

/**
 * @param {() => void} refresh
 * @returns {import("../parts.js").Column<Tool>[]}
 */
const columns = (refresh) => [
  { title: "Tool", show: (tool) => h("a", { href: link("recorder", { tool: tool.tool }) }, h("b", null, tool.tool)) },
  { title: "Calls", class: "number", show: (tool) => calls(tool, tool.count) },
  { title: "Failed", class: "number", show: (tool) => calls(tool, tool.errors, tool.errors ? "bad" : "") },
  { title: "Baseline", class: "number", show: (tool) => duration(tool.mean_ms) },
  { title: "p50", class: "number", show: (tool) => duration(tool.p50_ms) },
  { title: "p95", class: "number", show: (tool) => duration(tool.p95_ms) },
  { title: "p99", class: "number", show: (tool) => duration(tool.p99_ms) },
  { title: "Last call", class: "number", show: (tool) => against(tool.variance) },
  { title: "Dump from", class: "number", show: (tool) => tool.limit_ms === null ? "not known yet" : duration(tool.limit_ms) },
  { title: "Threshold", class: "number", show: (tool) => h("span", { class: "muted" }, `${percent(tool.threshold)}, ${tool.mode}`) },
  { title: "", class: "acts", show: (tool) => may("operate") && button("Change", () => choose(tool, refresh), { class: "small" }) },
];

/**
 * @param {Tool} tool
 * @param {() => void} refresh
 */
function choose(tool, refresh) {
  const told = h("output", null, percent(tool.threshold));
  const slider = h("input", { type: "range", name: "threshold", min: 5, max: 300, step: 5, value: Math.round(tool.threshold * 100) });
  slider.addEventListener("input", () => (told.textContent = percent(Number(slider.value) / 100)));
  return ask({
    title: `Threshold of ${tool.tool}`,
    body: "How much slower than its baseline a call must be to make a dump. It holds in the server's own process, until that ends.",
    fields: [field("Slower than usual by", slider, told)],
    label: "Choose",
    act: async () => {
      await put("recorder/tools", { tool: tool.tool, threshold: Number(slider.value) / 100 });
      tell(`${tool.tool}: from ${told.textContent} on`);
      refresh();
    },
  });
}

/** @type {import("../parts.js").Column<DumpRow>[]} */
const DUMPS = [
  { title: "When", show: (dump) => when(dump.at) },
  { title: "Tool", show: (dump) => h("a", { href: link(["recorder", dump.dump_id]) }, h("b", null, dump.tool)) },
  { title: "Severity", show: (dump) => pill(dump.severity) },
  { title: "Trigger", class: "muted", show: (dump) => dump.reason },
  { title: "Dump", class: "muted", show: (dump) => h("code", null, dump.dump_id) },
];
