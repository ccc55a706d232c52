/** One flow: its steps, what waits for what, and from where it is done again. */
import { may, post } from "../api.js";
import { h } from "../core.js";
import { drawing, MOST_DRAWN } from "../dag.js";
import { ask, tell, typed } from "../dialogs.js";
import { count, number, taskName, when } from "../format.js";
import { button, card, field, head, heading, jobLink, meter, pill, table } from "../parts.js";
import { resource, shown } from "../resource.js";

/** @typedef {import("../types.js").WholeFlow} WholeFlow */
/** @typedef {import("../types.js").Step} Step */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function flowPage(_, id) {
  const on = (/** @type {import("../types.js").Happening} */ event) => event.kind.startsWith("job.");
  const found = /** @type {import("../resource.js").Resource<WholeFlow>} */ (
    resource(() => `flows/${encodeURIComponent(id)}`, { on, every: 250 })
  );
  return shown(found, () => {
    const flow = /** @type {Signal<WholeFlow>} */ (found.data);
    return h("div", { class: "page flow" },
      head([flow.peek().name, h("span", { class: "faint" }, ` #${flow.peek().id}`)], null, () => actions(flow.value)),
      card({ class: "standing" }, h("div", null,
        h("div", { class: "line big" }, () => pill(flow.value.state), h("strong", null, () =>
          `${number(flow.value.done)} of ${count(flow.value.total, "step")} ended`)),
        h("p", { class: "line faint" }, "submitted ", () => when(flow.value.created_at), () =>
          Object.entries(flow.value.states).map(([state, many]) => pill(state, `${number(many)} ${state}`))),
        h("div", { class: "progress" }, meter(() => flow.value.done / Math.max(1, flow.value.total), "steps that have ended")))),
      card({ id: "dag" }, heading("What waits for what"), () => flow.value.steps.length > MOST_DRAWN
        ? h("p", { class: "muted" }, `${number(flow.value.steps.length)} steps are too many for a drawing; the table has all.`)
        : h("div", { class: "scroller", tabindex: "0" }, drawing(flow.value))),
      card({ id: "steps" }, heading("Steps"), table("Steps", columns(flow.peek().id), () => flow.value.steps, (step) => step.step,
        (step) => `#/jobs/${step.job}`)));
  });
}

/**
 * @param {number} id
 * @returns {import("../parts.js").Column<Step>[]}
 */
const columns = (id) => [
  { title: "Step", show: (step) => h("b", null, step.step) },
  { title: "State", show: (step) => pill(step.state) },
  { title: "Job", show: (step) => jobLink(step.job) },
  { title: "Task", show: (step) => taskName(step.task) },
  { title: "Why", class: "muted", show: (step) => step.reason ?? "" },
  { title: "", class: "acts", show: (step) => may("operate") && ["succeeded", "failed", "cancelled"].includes(step.state) &&
    button("Again from here", () => restart(id, step.step), { class: "small", "data-retry": true }) },
];

/** @param {WholeFlow} flow */
function actions(flow) {
  if (!may("operate")) return null;
  const ended = !["pending", "running"].includes(flow.state);
  return [
    ended && flow.state !== "succeeded" && button("Retry what failed", () => again(flow.id, {}), { class: "primary" }),
    !ended && button("Cancel", () => cancel(flow)),
  ];
}

/**
 * @param {number} id
 * @param {{ step?: string }} from
 */
async function again(id, from) {
  const { jobs } = await post(`flows/${id}/retry`, from);
  tell(`${count(jobs.length, "step")} ${jobs.length === 1 ? "is" : "are"} done again`);
}

/**
 * @param {number} id
 * @param {string} step
 */
function restart(id, step) {
  return ask({
    title: `Again from ${step}?`,
    body: "This step is done again, and all that waits for it. What stands before it stays done.",
    label: "Do it again",
    act: () => again(id, { step }),
  });
}

/** @param {WholeFlow} flow */
function cancel(flow) {
  const left = flow.total - flow.done;
  return ask({
    title: `Cancel ${flow.name}?`,
    body: `${count(left, "step")} ${left === 1 ? "has" : "have"} not ended. Those that run are asked to stop.`,
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500 }))],
    label: "Cancel the flow",
    danger: true,
    act: async (form) => {
      const reason = typed(form, "reason");
      const { cancelled } = await post(`flows/${flow.id}/cancel`, reason ? { reason } : {});
      tell(`Cancelled: ${count(cancelled, "step")}`);
    },
  });
}
