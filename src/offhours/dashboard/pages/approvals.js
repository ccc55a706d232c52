/** What waits for me? Questions of jobs, with the arguments that an answer holds for. */
import { may, post } from "../api.js";
import { each, h } from "../core.js";
import { ask, tell, typed } from "../dialogs.js";
import { when } from "../format.js";
import { button, card, copyButton, empty, field, head, jobLink, pill, tabs } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { go, link, place } from "../router.js";

/** @typedef {import("../types.js").Approval} Approval */
/** @typedef {import("../resource.js").Resource<{ data: Approval[] }>} Found */

const STATES = /** @type {[string, string][]} */ ([
  ["waiting", "Waiting"], ["approved", "approved"], ["denied", "denied"], ["expired", "expired"],
]);

export default function approvalsPage() {
  const state = () => place.value.query.get("state") ?? "waiting";
  const found = /** @type {Found} */ (
    resource(() => `approvals?state=${encodeURIComponent(state())}&limit=100`, { on: about("approval."), every: 250 })
  );
  return h("div", { class: "page" },
    head("Approvals", "What jobs ask a person. Who asks, a model or an agent, cannot answer itself."),
    h("div", { class: "filters" }, tabs("State", STATES, state, (value) => go(link("approvals", { state: value })))),
    shown(found, () => h("div", { class: "stack" },
      () => found.data.value?.data.length === 0 && (state() === "waiting"
        ? empty("No job waits for an answer. Inside of a task, a job asks with:", 'ctx.approve("Send it?", args=["ann@example.org"])')
        : empty(`No question is ${state()}.`, "offhours approvals --all")),
      each(() => found.data.value?.data ?? [], (asked) => asked.id, (row) => question(row.peek())))));
}

/** @param {Approval} asked */
function question(asked) {
  const open = asked.state === "waiting" && may("operate");
  return card({ class: "question", "data-row": true, "data-approval": asked.id, "data-href": link(["jobs", asked.job]) },
    h("div", { class: "line" }, pill(asked.state), h("h2", null, asked.question), h("span", { class: "spacer" }), jobLink(asked.job, `job ${asked.job}`)),
    h("div", { class: "line faint" }, "asked ", when(asked.asked_at),
      asked.until && asked.state === "waiting" && [" · no answer counts as no ", when(asked.until)],
      asked.decided_at && [` · ${asked.state} `, when(asked.decided_at)], asked.decided_by && ` by ${asked.decided_by}`),
    asked.note && h("p", null, `“${asked.note}”`),
    frozen(asked),
    open && h("div", { class: "actions" },
      button("Approve", () => decide("approve", asked), { class: "primary" }),
      button("Deny", () => decide("deny", asked))));
}

/** @param {Approval} asked */
function frozen(asked) {
  const text = JSON.stringify(asked.arguments, null, 2);
  return h("div", { class: "frozen" },
    h("div", { class: "line faint" }, "An answer holds for exactly these arguments: ",
      h("code", { title: asked.digest }, asked.digest.slice(0, 12)), copyButton(() => text)),
    h("pre", { tabindex: "0", "aria-label": "Arguments" }, asked.arguments === null ? "none" : text));
}

/**
 * @param {"approve" | "deny"} verb
 * @param {Approval} asked
 */
function decide(verb, asked) {
  const yes = verb === "approve";
  return ask({
    title: `${yes ? "Approve" : "Deny"}: ${asked.question}`,
    body: h("pre", { tabindex: "0" }, JSON.stringify(asked.arguments, null, 2)),
    fields: [field("Reason", h("input", { name: "note", maxlength: 500, autofocus: true }), "It is kept with the answer.")],
    label: yes ? "Approve" : "Deny",
    danger: !yes,
    act: async (form) => {
      const note = typed(form, "note");
      await post(`approvals/${asked.id}/${verb}`, { digest: asked.digest, ...(note ? { note } : {}) });
      tell(yes ? "Approved: the job goes on" : "Denied: the job is told so");
    },
  });
}
