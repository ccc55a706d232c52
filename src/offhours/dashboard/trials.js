/** What tests said of an automation, and how it does against another way to do the same. */
import { h } from "./core.js";
import { count, number, when } from "./format.js";
import { pill } from "./parts.js";

/** @typedef {import("./types.js").Trial} Trial */

/** @param {string} type  of a routine: those of its steps, with arrows between them */
export const routineName = (type) => type.replaceAll(" -> ", " → ");

/** @param {{ verdict: import("./types.js").Verdict | null, cases: number }} automation */
export function verdict({ verdict: told, cases }) {
  if (!told) return pill("draft", cases ? `${count(cases, "test")}, not run as it is now` : "has no tests");
  const passed = Math.round(told.rate * told.tests);
  return h("span", { title: `said by ${told.by}` }, pill(told.rate === 1 ? "ok" : "failed",
    told.tests ? `${passed} of ${count(told.tests, "test")} passed` : `tested, says ${told.by}`));
}

/** @param {Trial} trial */
const ratio = ({ duration_ratio: told, duration_ratio_interval: bounds }) => told === null || !bounds ? "not known yet"
  : `${told.toFixed(2)} (${bounds.map((each) => each.toFixed(2)).join(" to ")})`;

/** @type {import("./parts.js").Column<Trial>[]} */
export const TRIALS = [
  { title: "Candidate", show: (t) => h("code", null, t.candidate) },
  { title: "Against", show: (t) => t.control.startsWith("auto_") ? h("code", null, t.control) : t.control },
  { title: "Outcome", show: (t) => t.outcome ? pill(t.outcome) : pill("running", "goes on") },
  { title: "Pairs", class: "number", show: (t) => number(t.pairs) },
  { title: "Times as long", class: "number", show: ratio },
  { title: "Failed alone", class: "number", show: (t) => `${number(t.only_control_succeeded)}, the other ${number(t.only_candidate_succeeded)}` },
  { title: "Began", show: (t) => when(t.started_at) },
];
