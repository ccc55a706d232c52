/** What went slow, and when? The dumps of the flight recorder. */
import { h } from "../core.js";
import { when } from "../format.js";
import { card, empty, head, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";

/** @typedef {import("../types.js").DumpRow} DumpRow */
/** @typedef {import("../resource.js").Resource<{ data: DumpRow[] }>} Found */

export default function recorderPage() {
  const found = /** @type {Found} */ (resource(() => "recorder/dumps?limit=100", { on: about("recorder.") }));
  return h("div", { class: "page" },
    head("Recorder", "When a tool call leaves its own baseline, the calls of the last 30 s are kept."),
    card(null, shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty(
        "No dump is kept here. The recorder of a process keeps its dumps in this database with:", "PERFCATCHER_STORE=true"),
      () => (found.data.value?.data.length ?? 0) > 0 && table("Dumps", COLUMNS, () => found.data.value?.data ?? [],
        (dump) => dump.dump_id, (dump) => link(["recorder", dump.dump_id]))))));
}

/** @type {import("../parts.js").Column<DumpRow>[]} */
const COLUMNS = [
  { title: "When", show: (dump) => when(dump.at) },
  { title: "Tool", show: (dump) => h("a", { href: link(["recorder", dump.dump_id]) }, h("b", null, dump.tool)) },
  { title: "Severity", show: (dump) => pill(dump.severity) },
  { title: "Trigger", class: "muted", show: (dump) => dump.reason },
  { title: "Dump", class: "muted", show: (dump) => h("code", null, dump.dump_id) },
];
