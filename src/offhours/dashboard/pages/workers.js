/** Who works, on what, and who is in front. */
import { may, remove } from "../api.js";
import { each, h } from "../core.js";
import { tell } from "../dialogs.js";
import { callText, running, taskName, when } from "../format.js";
import { button, card, empty, head, heading, jobLink, meter, pill, table } from "../parts.js";
import { resource, shown } from "../resource.js";
import { link } from "../router.js";
import { liveStack } from "../stack.js";

/** @typedef {import("../types.js").Worker} Worker */
/** @typedef {import("../types.js").Workflow} Workflow */
/** @typedef {import("../shell.js").House} House */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

/** @param {House} house */
export default function workersPage(house) {
  const on = () => true;
  const workers = /** @type {Resource<{ data: Worker[] }>} */ (resource(() => "workers", { on, every: 2_000 }));
  const flows = /** @type {Resource<{ data: Workflow[] }>} */ (resource(() => "workflows", { on }));
  const jobsOf = (/** @type {number} */ id) =>
    (house.data.value?.running ?? []).filter((job) => job.worker === id);
  /** @type {import("../parts.js").Column<Worker>[]} */
  const columns = [
    { title: "Worker", show: (w) => h("div", null, h("b", null, `worker ${w.id} `), h("span", { class: "muted" }, w.label)) },
    { title: "State", show: (w) => pill(w.alive ? "alive" : "gone") },
    { title: "Now", show: (w) => () => {
      const all = jobsOf(w.id);
      return all.length ? h("div", null, ...all.slice(0, 5).map((job) => h("div", { class: "line" }, jobLink(job.id), taskName(job.task),
        h("span", { class: "faint call" }, callText(job.arguments)), running(job.started_at ?? job.created_at))))
        : h("span", { class: "faint" }, "nothing");
    } },
    { title: "Slots", class: "number", show: (w) => String(w.slots) },
    { title: "Started", show: (w) => when(w.started_at) },
    { title: "Last sign", show: (w) => when(w.last_sign_at) },
    { title: "Labels", show: (w) => w.labels.join(", ") || "none" },
    { title: "Version", show: (w) => [w.version, w.release].filter(Boolean).join(" · ") },
    { title: "Tasks", show: (w) => h("details", null, h("summary", null, String(w.tasks.length)),
      ...w.tasks.map((task) => h("div", null, h("a", { href: link("jobs", { task }) }, taskName(task))))) },
  ];
  return h("div", { class: "page" },
    head("Workers", "The processes that work on this database."),
    card({ id: "workers" }, shown(workers, () => h("div", null,
      () => workers.data.value?.data.length === 0 && empty("No worker is running.", "offhours up app.py"),
      () => (workers.data.value?.data.length ?? 0) > 0 &&
        table("Workers", columns, () => workers.data.value?.data ?? [], (w) => w.id)))),
    card({ id: "runs" }, heading(h("a", { href: link("jobs", { state: "running" }) }, "What runs now")),
      () => !house.data.value?.running.length && empty("Nothing runs at this moment."),
      h("ul", { class: "list" }, each(() => house.data.value?.running ?? [], (job) => job.id, (row) => {
        const { id, task, worker, started_at, created_at, arguments: told } = row.peek();
        return h("li", { "data-row": true, "data-href": link(["jobs", id]) },
          h("div", { class: "line" }, jobLink(id), taskName(task), h("span", { class: "spacer" }), h("span", { class: "faint" }, `worker ${worker}`), running(started_at ?? created_at)),
          h("div", { class: "line faint call" }, callText(told)),
          () => row.value.progress !== null && meter(() => row.value.progress ?? 0, "progress"),
          may("operate") && liveStack(id));
      }))),
    card({ id: "workflows" }, heading("Foreground"), shown(flows, () => h("div", null,
      () => flows.data.value?.data.length === 0 &&
        empty("Nobody is in front: background work may run. A workflow takes the front with:",
          'with app.foreground("wf_123"): ...'),
      () => (flows.data.value?.data.length ?? 0) > 0 && table("Foreground leases", [
        { title: "Workflow", show: (lease) => h("b", null, lease.workflow) },
        { title: "Since", show: (lease) => when(lease.since) },
        { title: "Until, unless renewed", show: (lease) => when(lease.until) },
        { title: "Holder", class: "muted", show: (lease) => lease.holder },
        { title: "", class: "acts", show: (lease) => may("operate") && button("End it", async () => {
          await remove(`workflows/${lease.id}`);
          tell(`${lease.workflow} is in front no more`);
          flows.refresh();
        }, { class: "small" }) },
      ], () => flows.data.value?.data ?? [], (lease) => lease.id)))));
}
