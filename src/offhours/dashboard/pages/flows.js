/** How far are jobs that depend on each other? */
import { h, signal } from "../core.js";
import { number, when } from "../format.js";
import { button, card, empty, head, meter, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";

/** @typedef {import("../types.js").Flow} Flow */
/** @typedef {import("../resource.js").Resource<{ data: Flow[], next_cursor: string | null }>} Found */

const EXAMPLE = 'flow = Flow("report"); flow.step("read", fetch); flow.step("write", render, after=["read"]); app.submit_flow(flow)';

export default function flowsPage() {
  const limit = signal(50);
  const found = /** @type {Found} */ (resource(() => `flows?limit=${limit.value}`, { on: about("job."), every: 2_000 }));
  return h("div", { class: "page" },
    head("Flows", "Jobs that were submitted together and wait for each other."),
    card(null, shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty("No flow was submitted. In Python:", EXAMPLE),
      () => (found.data.value?.data.length ?? 0) > 0 && table("Flows", COLUMNS, () => found.data.value?.data ?? [],
        (flow) => flow.id, (flow) => link(["flows", flow.id])),
      () => found.data.value?.next_cursor && limit.value < 500 && button("Show more", () => void (limit.value = 500))))));
}

/** @type {import("../parts.js").Column<Flow>[]} */
const COLUMNS = [
  { title: "Flow", show: (flow) => h("a", { href: link(["flows", flow.id]) }, h("b", null, flow.name), " ", h("span", { class: "id" }, `#${flow.id}`)) },
  { title: "State", show: (flow) => pill(flow.state) },
  { title: "Steps done", show: (flow) => h("div", { class: "share" }, h("a", { href: link(["flows", flow.id]) }, `${number(flow.done)} of ${number(flow.total)}`),
    meter(() => flow.done / Math.max(1, flow.total), `steps of ${flow.name} that are done`)) },
  { title: "Steps", show: (flow) => h("div", { class: "line" }, ...Object.entries(flow.states).map(([state, many]) =>
    pill(state, `${number(many)} ${state}`))) },
  { title: "Submitted", show: (flow) => when(flow.created_at) },
];
