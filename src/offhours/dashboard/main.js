/** Begins: who asks, then the page that the address names. */
import { enter, Problem, session } from "./api.js";
import { effect, h, scoped } from "./core.js";
import { describe } from "./dialogs.js";
import { tick } from "./format.js";
import { listen } from "./keyboard.js";
import { start } from "./live.js";
import { commandLine, empty } from "./parts.js";
import { place, replace } from "./router.js";
import { house, MENU, shell } from "./shell.js";

/** @typedef {import("./shell.js").House} House */
/** @typedef {(overview: House, id: string) => Node} Page */

/** @type {Record<string, () => Promise<{ default: Page }>>} */
const PAGES = {
  overview: () => import("./pages/overview.js"),
  jobs: () => import("./pages/jobs.js"),
  job: () => import("./pages/job.js"),
  failures: () => import("./pages/failures.js"),
  schedules: () => import("./pages/schedules.js"),
  schedule: () => import("./pages/schedule.js"),
  editor: () => import("./pages/editor.js"),
  tasks: () => import("./pages/task.js"),
  task: () => import("./pages/task.js"),
  queues: () => import("./pages/queues.js"),
  workers: () => import("./pages/workers.js"),
  flows: () => import("./pages/flows.js"),
  flow: () => import("./pages/flow.js"),
  approvals: () => import("./pages/approvals.js"),
  alerts: () => import("./pages/alerts.js"),
  recorder: () => import("./pages/recorder.js"),
  dump: () => import("./pages/dump.js"),
  optimizer: () => import("./pages/optimizer.js"),
  automation: () => import("./pages/automation.js"),
  training: () => import("./pages/training.js"),
  model: () => import("./pages/model.js"),
  deferrals: () => import("./pages/deferrals.js"),
  audit: () => import("./pages/audit.js"),
  settings: () => import("./pages/settings.js"),
};

/** What one of them is called, where a list has a page for each of its rows. */
const ONE = /** @type {Record<string, string>} */ ({
  jobs: "job", flows: "flow", schedules: "schedule", recorder: "dump", optimizer: "automation", training: "model",
  tasks: "task",
});

/**
 * Which page an address means, and of what.
 * @param {string[]} parts
 * @returns {[name: string, id: string]}
 */
function named([first = "overview", second = "", third = ""]) {
  if (first === "schedules" && (second === "new" || third === "edit")) return ["editor", second];
  const one = ONE[first];
  return one && second ? [one, second] : [first, ""];
}

const app = /** @type {HTMLElement} */ (document.getElementById("app"));

function pages() {
  const outlet = h("main", { id: "main" });
  const overview = house();
  let shown = "";
  let turn = 0;
  let dispose = () => {};
  effect(() => {
    const [name, id] = named(place.value.parts);
    if (`${name}/${id}` === shown) return;
    shown = `${name}/${id}`;
    open(name, id, ++turn);
  });

  /**
   * @param {string} name
   * @param {string} id
   * @param {number} own
   */
  async function open(name, id, own) {
    const load = PAGES[name];
    const page = load ? (await load()).default : () => empty("There is no such page.", "", h("a", { href: "#/overview" }, "Overview"));
    if (own !== turn) return; // somebody has gone on meanwhile
    dispose();
    const first = !outlet.hasChildNodes();
    const [node, end] = scoped(() => page(overview, id));
    dispose = end;
    outlet.replaceChildren(node);
    outlet.dataset.page = id ? `${name}/${id}` : name;
    const word = MENU.find(([path]) => path === place.peek().parts[0])?.[1];
    document.title = [id && id !== "new" ? `${name} ${id}` : word, "Offhours"].filter(Boolean).join(" · ");
    scrollTo(0, 0);
    if (!first) outlet.querySelector("h1")?.focus({ preventScroll: true });
  }

  return shell(overview, outlet);
}

/** Whoever has no session shows a token. */
function gate() {
  const input = h("input", { name: "token", type: "password", required: true, placeholder: "oh_…",
    autocomplete: "off", "aria-label": "Token" });
  const refused = h("p", { class: "refused", role: "alert" });
  const form = h("form", { class: "card gate" }, h("h1", null, "Offhours"),
    h("p", null, "Open the link that the server printed, or show its token here."),
    h("div", { class: "row" }, input, h("button", { class: "button primary" }, "Enter")), refused,
    h("p", { class: "muted" }, "No token at hand?"), commandLine("offhours token create"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter(input.value.trim()).catch((error) => (refused.textContent = describe(error)));
  });
  return h("main", { class: "entrance" }, form);
}

/** @param {string} [told]  the token of the link */
async function begin(told = /^#token=(.+)$/.exec(location.hash)?.[1]) {
  if (location.hash.startsWith("#token=")) replace("#/overview"); // the token stays neither in the address nor in the history
  try {
    await enter(told);
  } catch (error) {
    if (!(error instanceof Problem)) {
      app.replaceChildren(h("main", { class: "entrance" }, h("section", { class: "card gate", role: "alert" },
        h("h1", null, "Offhours"), h("p", null, "The server cannot be reached. Trying again…"))));
      setTimeout(() => begin(told), 1_000);
      return;
    }
  }
  start();
  let dispose = () => {};
  let inside = /** @type {boolean | null} */ (null);
  effect(() => {
    const enters = session.value !== null;
    if (enters === inside) return;
    inside = enters;
    dispose();
    const [node, end] = scoped(() => (enters ? pages() : gate()));
    dispose = end;
    app.replaceChildren(node);
  });
}

listen();
setInterval(tick, 1_000);
begin();
