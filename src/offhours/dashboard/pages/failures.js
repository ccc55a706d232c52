/** What first? Failures by their cause. */
import { many } from "../actions.js";
import { may } from "../api.js";
import { chart } from "../charts.js";
import { each, h } from "../core.js";
import { count, number, taskName, when } from "../format.js";
import { button, card, empty, head, jobLink } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";

/** @typedef {import("../types.js").Group} Group */
/** @typedef {import("../resource.js").Resource<{ looked_at: number, data: Group[] }>} Found */

export default function failuresPage() {
  const found = /** @type {Found} */ (resource(() => "failures", {
    on: about("job.failed", "store.pruned"), every: 2_000,
  }));
  return h("div", { class: "page failures" },
    head("Failures", "Grouped by cause: numbers and quoted parts of an error do not count.",
      may("operate") && button("Retry all failed jobs", () => many("retry", { filter: { state: ["failed"] } }))),
    shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty("Nothing has failed. What fails would be here, by cause.",
        "offhours ls jobs --state failed"),
      () => (found.data.value?.looked_at ?? 0) >= 1_000 && h("p", { class: "muted" }, "Of the newest 1,000 failures."),
      each(() => found.data.value?.data ?? [], (group) => group.fingerprint, (row) => groupCard(() => row.value)))));
}

/** @param {() => Group} group */
function groupCard(group) {
  const rows = () => link("jobs", { state: "failed", ...meant(group()) });
  return card({ class: "group", "data-row": true, "data-href": rows },
    h("a", { class: "count", href: rows, title: "the jobs that it counts" }, h("b", null, () => number(group().count)),
      () => (group().count === 1 ? "failure" : "failures")),
    h("div", { class: "what" },
      h("div", { class: "error" }, () => group().error),
      h("div", { class: "line muted" }, () => group().tasks.map((task) => h("a", {
        href: link("jobs", { state: "failed", task }) }, taskName(task)))),
      h("div", { class: "line faint" }, "first ", () => when(group().first_at), " · last ", () => when(group().last_at)),
      h("div", { class: "line faint" }, "newest ", () => group().newest.map((id) => [jobLink(id), " "]).flat())),
    h("div", { class: "hours" }, chart("Failures of the last 24 hours", () => hours(group()), { height: 40, edges: () => ["24 h ago", "now"] })),
    may("operate") && h("div", { class: "actions" }, button(() => `Retry ${count(group().count, "job")}`, () =>
      many("retry", { filter: { state: ["failed"], ...meant(group()) } }), { class: "small", "data-retry": true })));
}

/**
 * @param {Group} group
 * @returns {import("../charts.js").Bar[]}
 */
const hours = (group) => group.times.map((many, i) => {
  const ago = group.times.length - i;
  return {
    key: ago, parts: [["failed", many]], title: `${count(many, "failure")} ${ago === 1 ? "in the last hour" : `${ago} to ${ago - 1} h ago`}`,
    href: link("jobs", { state: "failed", ...meant(group), finished_after: `${ago}h`, finished_before: ago === 1 ? "" : `${ago - 1}h` }),
  };
});

/** @param {Group} group */
const meant = ({ fingerprint }) => ({ fingerprint });
