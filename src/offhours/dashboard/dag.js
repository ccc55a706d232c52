/** Steps and what they wait for, as a drawing: each behind the longest way that leads to it. */
import { svg } from "./core.js";
import { link } from "./router.js";

/** @typedef {import("./types.js").WholeFlow} WholeFlow */
/** @typedef {import("./types.js").Step} Step */

const [WIDTH, HEIGHT, ACROSS, DOWN] = [168, 44, 56, 16];
export const MOST_DRAWN = 80;

/**
 * In which column each job stands.
 * @param {Step[]} steps
 * @param {[from: number, to: number][]} edges
 */
export function columns(steps, edges) {
  const depth = new Map(steps.map((step) => [step.job, 0]));
  for (let moved = true, round = 0; moved && round < steps.length; round++) {
    moved = false;
    for (const [from, to] of edges) {
      const least = (depth.get(from) ?? 0) + 1;
      if ((depth.get(to) ?? 0) < least) {
        depth.set(to, least);
        moved = true;
      }
    }
  }
  return depth;
}

/** @param {WholeFlow} flow */
export function drawing({ name, steps, edges }) {
  const known = new Set(steps.map((step) => step.job));
  const ways = edges.filter((edge) => known.has(edge.upstream) && known.has(edge.downstream));
  const depth = columns(steps, ways.map((edge) => [edge.upstream, edge.downstream]));
  /** @type {Step[][]} */
  const lanes = [];
  for (const step of steps) (lanes[depth.get(step.job) ?? 0] ??= []).push(step);
  const tallest = Math.max(...lanes.map((lane) => lane.length));
  /** @type {Map<number, [x: number, y: number]>} */
  const at = new Map();
  lanes.forEach((lane, column) => lane.forEach((step, row) => at.set(step.job, [
    column * (WIDTH + ACROSS), (row + (tallest - lane.length) / 2) * (HEIGHT + DOWN)])));
  const [w, hgt] = [lanes.length * (WIDTH + ACROSS) - ACROSS, tallest * (HEIGHT + DOWN) - DOWN];
  return svg("svg", { class: "dag", viewBox: `-2 -2 ${w + 4} ${hgt + 4}`, width: w + 4, height: hgt + 4, role: "group",
    "aria-label": `The steps of ${name}, and what they wait for` },
    ...ways.map((edge) => way(at.get(edge.upstream) ?? [0, 0], at.get(edge.downstream) ?? [0, 0], edge.outcome)),
    ...steps.map((step) => box(step, at.get(step.job) ?? [0, 0])));
}

/**
 * @param {[x: number, y: number]} from
 * @param {[x: number, y: number]} to
 * @param {string | null} outcome
 */
function way([x1, y1], [x2, y2], outcome) {
  const [fromX, fromY, toY, middle] = [x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2, (x1 + WIDTH + x2) / 2];
  return svg("path", { class: outcome ? "way went" : "way",
    d: `M${fromX} ${fromY}C${middle} ${fromY} ${middle} ${toY} ${x2} ${toY}` });
}

/**
 * @param {Step} step
 * @param {[x: number, y: number]} place
 */
function box(step, [x, y]) {
  const short = step.step.length > 21 ? `${step.step.slice(0, 20)}…` : step.step;
  return svg("a", { href: link(["jobs", step.job]), class: `node ${step.state}`, "data-step": step.step },
    svg("title", null, `${step.step}: ${step.state}${step.reason ? `, ${step.reason}` : ""}`),
    svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 8 }),
    svg("text", { x: x + 12, y: y + 19 }, short),
    svg("text", { x: x + 12, y: y + 34, class: "state" }, ` ${step.state} · #${step.job}`));
}
