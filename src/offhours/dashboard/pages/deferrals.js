/** Who keeps postponing? */
import { each, h, signal } from "../core.js";
import { count, number, taskName, when } from "../format.js";
import { button, card, empty, head, heading, jobLink, meter, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";

/** @typedef {import("../types.js").Deferral} Deferral */
/** @typedef {{ data: Deferral[], next_cursor: string | null, reasons: { reason: string, count: number }[],
 *   most_deferred: { job: number, task: string, deferrals: number }[] }} Told */

export default function deferralsPage() {
  const limit = signal(50);
  const found = /** @type {import("../resource.js").Resource<Told>} */ (
    resource(() => `deferrals?limit=${limit.value}`, { on: about("job.deferred") })
  );
  const top = () => Math.max(1, ...(found.data.value?.reasons ?? []).map((each) => each.count));
  return h("div", { class: "page" },
    head("Deferrals", "Jobs that were moved to later, and the reasons that were given."),
    shown(found, () => h("div", null,
      () => found.data.value?.data.length === 0 && empty("Nothing was put off. A task puts itself off with:",
        'raise Defer(until="14:00", reason="rate limit")'),
      () => (found.data.value?.data.length ?? 0) > 0 && h("div", null,
        h("div", { class: "columns" },
          card(null, heading("Reasons"), h("ul", { class: "list" }, each(() => found.data.value?.reasons ?? [], (row) => row.reason,
            (row) => h("li", null, h("div", { class: "line" }, () => row.value.reason, h("span", { class: "spacer" }),
              h("a", { href: () => link("jobs", { q: row.value.reason }) }, h("b", null, () => number(row.value.count)))), meter(() => row.value.count / top(), "share"))))),
          card(null, heading("Most deferred"), h("ul", { class: "list" }, each(() => found.data.value?.most_deferred ?? [],
            (row) => row.job, (row) => h("li", null, h("div", { class: "line" }, jobLink(row.peek().job), taskName(row.peek().task),
              h("span", { class: "spacer" }), () => count(row.value.deferrals, "deferral"))))))),
        card(null, heading("History"), table("Deferrals", [
          { title: "When", show: (row) => when(row.deferred_at) },
          { title: "Job", show: (row) => row.job === null ? "–" : jobLink(row.job) },
          { title: "Task", show: (row) => row.task && h("a", { href: link(["tasks", row.task]) }, taskName(row.task)) },
          { title: "Until", show: (row) => when(row.deferred_until) },
          { title: "Reason", show: (row) => row.reason ?? "no reason given" },
        ], () => found.data.value?.data ?? [], (row) => row.seq),
        () => found.data.value?.next_cursor && limit.value < 500 &&
          button("Show more", () => void (limit.value = 500)))))));
}
