/** The states of a job as a drawing: which way it went, and where it is. */
import { svg } from "./core.js";

/** @typedef {import("./types.js").Happening} Happening */

const BOXES = /** @type {Record<string, [x: number, y: number]>} */ ({
  held: [0, 64], pending: [0, 8], running: [150, 36],
  succeeded: [300, 0], failed: [300, 42], cancelled: [300, 84],
});
const WIDTH = 104;
const HEIGHT = 30;

/** @type {[from: string, to: string, path: string][]} */
const WAYS = [
  ["pending", "running", "M104 20C128 20 126 46 146 46"],
  ["running", "pending", "M150 60C128 66 128 30 108 28"],
  ["held", "pending", "M30 64V42"],
  ["pending", "held", "M74 38V60"],
  ["running", "succeeded", "M254 44C280 44 272 15 296 15"],
  ["running", "failed", "M254 52C276 52 276 57 296 57"],
  ["running", "cancelled", "M254 60C280 60 272 99 296 99"],
];

const AFTER = /** @type {Record<string, string>} */ ({
  "job.submitted": "pending", "job.started": "running", "job.succeeded": "succeeded",
  "job.failed": "failed", "job.retried": "pending", "job.deferred": "pending",
  "job.returned": "pending", "job.rescued": "pending", "job.crashed": "pending",
  "job.held": "held", "job.released": "pending", "job.cancelled": "cancelled",
});

/**
 * @param {string} state
 * @param {Happening[]} history
 */
export function stateDiagram(state, history) {
  /** @type {Map<string, number>} */
  const went = new Map();
  const seen = new Set([state]);
  let at = "";
  for (const event of history) {
    const next = AFTER[event.kind];
    if (!next) continue;
    seen.add(next);
    if (at && at !== next) went.set(`${at} ${next}`, (went.get(`${at} ${next}`) ?? 0) + 1);
    at = next;
  }
  return svg("svg", { class: "states", viewBox: "-2 -4 408 124", role: "img",
    "aria-label": `The job is ${state}; it went through ${[...seen].join(", ")}` },
    svg("defs", null, ...["way", "went"].map((id) => svg("marker", { id, class: id, viewBox: "0 0 8 8",
      refX: 5, refY: 4, markerWidth: 5, markerHeight: 5, orient: "auto" }, svg("path", { d: "M0 0 8 4 0 8z" })))),
    ...WAYS.map(([from, to, d]) => {
      const times = went.get(`${from} ${to}`) ?? 0;
      return svg("path", { d, class: times ? "way went" : "way", "marker-end": `url(#${times ? "went" : "way"})` });
    }),
    ...Object.entries(BOXES).map(([name, [x, y]]) => svg("g", {
      class: `box ${name}${name === state ? " here" : ""}${seen.has(name) ? " seen" : ""}` },
      svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 7 }),
      svg("text", { x: x + WIDTH / 2, y: y + 20, "text-anchor": "middle" }, name))));
}
