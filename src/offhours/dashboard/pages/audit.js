/** Who did that? Each change that came over the network. */
import { h, signal } from "../core.js";
import { when } from "../format.js";
import { button, card, empty, head, jobLink, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";

/** @typedef {import("../types.js").AuditEntry} Entry */
/** @typedef {import("../resource.js").Resource<{ data: Entry[], next_cursor: string | null }>} Found */

export default function auditPage() {
  const limit = signal(50);
  const found = /** @type {Found} */ (resource(() => `audit?limit=${limit.value}`, { on: about("api.") }));
  return h("div", { class: "page" },
    head("Audit", "Each change that came over the network: by whom, with which face, and what the answer was."),
    card(null, shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty("Nobody has changed anything over the network yet."),
      () => (found.data.value?.data.length ?? 0) > 0 && table("Changes", COLUMNS,
        () => found.data.value?.data ?? [], (entry) => entry.seq),
      () => found.data.value?.next_cursor && limit.value < 500 &&
        button("Show more", () => void (limit.value = 500))))));
}

/** @type {import("../parts.js").Column<Entry>[]} */
const COLUMNS = [
  { title: "When", show: (entry) => when(entry.at) },
  { title: "Who", show: (entry) => h("b", null, entry.by) },
  { title: "Face", show: (entry) => entry.face },
  { title: "What", show: (entry) => h("code", null, `${entry.method} ${entry.path.replace("/api/v1/", "")}`) },
  { title: "Job", show: (entry) => (entry.job === null ? "–" : jobLink(entry.job)) },
  { title: "Answer", show: (entry) => pill(entry.status < 400 ? "ok" : "failed", String(entry.status)) },
  { title: "From", class: "muted", show: (entry) => entry.address ?? "–" },
  { title: "Request", class: "muted", show: (entry) => h("code", null, entry.request) },
];
