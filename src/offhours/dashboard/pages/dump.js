/** What else went on? The calls of a dump as a timeline, the trigger marked. */
import { computed, h, svg } from "../core.js";
import { absolute, count, duration, percent } from "../format.js";
import { block, card, copyButton, facts, head, heading, pill, select } from "../parts.js";
import { resource, shown } from "../resource.js";
import { link, place, replace } from "../router.js";

/** @typedef {import("../types.js").Dump} Dump */
/** @typedef {import("../types.js").Call} Call */

const LANE = 20;
const LEFT = 150;
const WIDTH = 1000;
const AXIS = 22;

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function dumpPage(_, id) {
  const found = /** @type {import("../resource.js").Resource<Dump>} */ (
    resource(() => `recorder/dumps/${encodeURIComponent(id)}`)
  );
  return shown(found, (dump) => {
    const [workflow, step] = [computed(asked("workflow")), computed(asked("step"))];
    const calls = computed(() => dump.requests.filter((call) =>
      (!workflow.value || call.workflow_id === workflow.value) && (!step.value || call.step_id === step.value)));
    return h("div", { class: "page" },
      head(dump.triggered_by, dump.explanation,
        copyButton(() => JSON.stringify(dump, null, 2), "Copy JSON"),
        copyButton(() => `{job="code_evolver_offline_optimizer"} | json | dump_id="${dump.dump_id}"`, "Copy as a query for Loki"),
        h("a", { class: "button", download: `${dump.dump_id}.json`,
          href: `api/v1/recorder/dumps/${encodeURIComponent(id)}` }, "Download")),
      card(null, facts([
        ["When", absolute(dump.trigger_unix * 1_000)],
        ["Severity", pill(dump.severity)],
        ["Took", h("b", null, duration(dump.observed_ms))],
        ["Its mean", duration(dump.baseline_mean_ms)],
        ["Its median", duration(dump.baseline_median_ms)],
        ["Limit", dump.limit_ms === null ? "–" : duration(dump.limit_ms)],
        ["Variance", percent(dump.trigger_variance)],
        ["Mode", `${dump.mode}, ${dump.reason}`],
        ["Workflow", dump.workflow_id ?? "–"],
        ["Step", dump.step_id ?? "–"],
        ["Covers", `${dump.covered_s.toFixed(1)} s, ${count(dump.buffer_size, "call")}`],
        ["Suppressed before", String(dump.suppressed)],
      ])),
      card({ id: "calls" }, heading("The calls", filter("Workflow", dump, "workflow_id", workflow.peek()),
        filter("Step", dump, "step_id", step.peek())), () => drawing(calls.value, dump)),
      block("The dump", dump));
  });
}

/** What the address chooses. @param {string} key */
const asked = (key) => () => place.value.query.get(key) ?? "";

/**
 * @param {string} label
 * @param {Dump} dump
 * @param {"workflow_id" | "step_id"} key
 * @param {string} chosen
 */
function filter(label, dump, key, chosen) {
  const all = [...new Set(dump.requests.map((call) => call[key]).filter((each) => each !== null))].sort();
  if (!all.length) return null;
  return select([["", `any ${label.toLowerCase()}`], ...all.map((each) => /** @type {[string, string]} */ ([each, each]))],
    chosen, { "aria-label": label, onchange: (/** @type {Event} */ event) => {
      const { value } = /** @type {HTMLSelectElement} */ (event.target);
      const [workflow, step] = [asked("workflow")(), asked("step")()];
      replace(link(place.peek().parts, { workflow, step, [label.toLowerCase()]: value }));
    } });
}

/**
 * @param {Call[]} calls
 * @param {Dump} dump
 */
function drawing(calls, dump) {
  if (!calls.length) return h("p", { class: "muted" }, "No call matches.");
  const tools = [...new Set(calls.map((call) => call.tool_name))];
  const until = Math.max(dump.trigger_unix, ...calls.map((call) => call.timestamp));
  const since = Math.min(...calls.map((call) => call.timestamp - call.execution_time_ms / 1_000));
  const x = (/** @type {number} */ at) => LEFT + ((at - since) / Math.max(0.001, until - since)) * (WIDTH - LEFT - 8);
  const height = tools.length * LANE + AXIS;
  return h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "the calls" }, svg("svg", { class: "calls", viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
    "aria-label": `${count(calls.length, "call")} of ${count(tools.length, "tool")}` },
    ...tools.map((tool, i) => svg("g", null,
      svg("rect", { class: "ground", x: 0, y: i * LANE, width: WIDTH, height: LANE - 2, rx: 3 }),
      svg("text", { x: 6, y: i * LANE + 13 }, tool.length > 22 ? `${tool.slice(0, 21)}…` : tool))),
    ...calls.map((call) => {
      const start = call.timestamp - call.execution_time_ms / 1_000;
      const trigger = call.tool_name === dump.triggered_by && Math.abs(call.timestamp - dump.trigger_unix) < 0.0005;
      return svg("rect", { class: trigger ? "call trigger" : "call", x: x(start), y: tools.indexOf(call.tool_name) * LANE + 3,
        width: Math.max(1.5, x(call.timestamp) - x(start)), height: LANE - 8, rx: 2 },
        svg("title", null, `${call.tool_name}, ${duration(call.execution_time_ms)}, ${call.timestamp_iso}, ${call.result_summary}`));
    }),
    svg("line", { class: "mark", x1: x(dump.trigger_unix), x2: x(dump.trigger_unix), y1: 0, y2: height - AXIS }),
    ...[0, 0.25, 0.5, 0.75].map((part) => {
      const at = since + part * (until - since);
      return svg("g", { class: "tick" }, svg("line", { x1: x(at), x2: x(at), y1: 0, y2: height - AXIS }),
        svg("text", { x: x(at), y: height - 6 }, `-${duration((until - at) * 1_000)}`));
    }),
    svg("text", { x: WIDTH - 4, y: height - 6, "text-anchor": "end" }, "trigger")));
}
