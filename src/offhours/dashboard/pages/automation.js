/** One automation: its script, what its tests said, whether it runs, and what it saved. */
import { follow } from "../actions.js";
import { getVersioned, may, post, postVersioned } from "../api.js";
import { code } from "../code.js";
import { h } from "../core.js";
import { ask, tell, typed } from "../dialogs.js";
import { duration, number, percent, when } from "../format.js";
import { button, card, copyButton, empty, facts, field, head, heading, pill, table } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link } from "../router.js";
import { routineName, TRIALS, verdict } from "../trials.js";

/** @typedef {import("../types.js").WholeAutomation} Automation */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */

/**
 * @param {unknown} _
 * @param {string} id
 */
export default function automationPage(_, id) {
  const path = `optimizer/automations/${encodeURIComponent(id)}`;
  const found = /** @type {import("../resource.js").Resource<Automation>} */ (
    resource(() => path, { on: about("automation.", "trial."), every: 500 })
  );
  return shown(found, () => {
    const automation = /** @type {Signal<Automation>} */ (found.data);
    return h("div", { class: "page" },
      head(routineName(automation.peek().task_type), null, () => actions(automation.value, path, found.refresh)),
      card({ class: "standing" }, h("div", null,
        h("div", { class: "line big" }, () => pill(automation.value.deployed ? "deployed" : automation.value.state), () => verdict(automation.value)),
        () => automation.value.refused && h("p", { class: "muted" }, `Not deployed by itself: ${automation.value.refused}`))),
      card(null, () => facts([
        ["Runs", h("a", { href: link("jobs", { task: "offhours automation", q: id }) }, number(automation.value.runs))],
        ["Succeeded", automation.value.runs ? percent(automation.value.successes / automation.value.runs) : "–"],
        ["Saved", duration(automation.value.time_saved_ms)],
        ["By hand", duration(automation.value.by_hand_ms)],
        ["Isolation", `${automation.value.level}, ${automation.value.language}`],
        ["Deployed", when(automation.value.deployed_at)],
      ])),
      card({ id: "script" }, heading("Script", copyButton(() => automation.peek().script)), () => code(automation.value.script, "Script")),
      card({ id: "tests" }, heading("Tests"), () => automation.value.tests.length === 0 && empty(
        "It was seen too rarely to hold runs back for tests. Give it some:", "engine.automation_creator.customize_automation(id, cases=[...])"),
        () => automation.value.tests.length > 0 && table("Tests", [
          { title: "Given", show: ({ params }) => h("pre", { tabindex: "0" }, JSON.stringify(params, null, 2)) },
          { title: "Expected", show: ({ expected }) => h("pre", { tabindex: "0" }, JSON.stringify(expected, null, 2)) },
        ], () => automation.value.tests, (test) => JSON.stringify(test))),
      card({ id: "trials" }, heading("Trials"), () => automation.value.trials.length === 0
        ? empty("It is compared with nothing yet: that begins when it is deployed.")
        : table("Trials", TRIALS, () => automation.value.trials, (trial) => trial.trial_id)));
  });
}

/**
 * @param {Automation} automation
 * @param {string} path
 * @param {() => void} refresh
 */
function actions(automation, path, refresh) {
  return [
    may("operate") && automation.cases > 0 && button("Run its tests", async () => {
      const begun = await post(`${path}/tests`);
      tell("Its tests run in the sandbox");
      follow(begun.id, "Tests");
    }),
    may("admin") && !automation.deployed && automation.verdict && button("Deploy", () => deploy(path, refresh), { class: "primary" }),
    may("operate") && automation.deployed && button("Take out of use", () => withdraw(path, refresh), { class: "danger" }),
  ];
}

/**
 * @param {string} path
 * @param {() => void} refresh
 */
async function deploy(path, refresh) {
  const { data, etag } = await getVersioned(path);
  await ask({
    title: `Deploy ${routineName(data.task_type)}?`,
    body: "Exactly the script that was tested. From then on it is compared with how the same was done before, and taken back if it does worse.",
    label: "Deploy",
    act: async () => {
      await postVersioned(`${path}/deploy`, {}, etag);
      tell("It is deployed");
      refresh();
    },
  });
}

/**
 * @param {string} path
 * @param {() => void} refresh
 */
async function withdraw(path, refresh) {
  const { data, etag } = await getVersioned(path);
  await ask({
    title: `Take ${routineName(data.task_type)} out of use?`,
    body: "One automation. It stays, and may be deployed again.",
    fields: [field("Reason", h("input", { name: "reason", maxlength: 500 }))],
    label: "Take it out of use",
    danger: true,
    act: async (form) => {
      await postVersioned(`${path}/withdraw`, { reason: typed(form, "reason") }, etag);
      tell("It runs no more");
      refresh();
    },
  });
}
