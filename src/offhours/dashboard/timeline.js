/** Runs by worker up to now, and the fires that will be: a drawing whose bars are links. */
import { measured } from "./charts.js";
import { computed, each, h, svg } from "./core.js";
import { absolute, clock, duration, number } from "./format.js";
import { link } from "./router.js";

/** @typedef {import("./types.js").Timeline} Timeline */
/** @typedef {import("./types.js").Run} Run */

const LANE = 26;
const GAP = 3;
const TOP = 6;
const AXIS = 22;
const LEFT = 84;
export const MOST_RUNS = 500; // that are asked for
const MOST_ROWS = 6; // runs at one moment that are drawn apart

/** @typedef {{ run: Run, row: number }} Placed */

/**
 * Runs of one worker that overlap go below each other.
 * @param {Run[]} runs
 * @param {number} now
 * @returns {{ placed: Placed[], rows: number }}
 */
function stack(runs, now) {
  /** @type {number[]} */
  const ends = [];
  const placed = [...runs]
    .sort((a, b) => a.started_at.localeCompare(b.started_at))
    .map((run) => {
      const start = Date.parse(run.started_at);
      let row = ends.findIndex((end) => end <= start);
      if (row < 0) row = ends.length < MOST_ROWS ? ends.length : MOST_ROWS - 1;
      ends[row] = run.ended_at ? Date.parse(run.ended_at) : now;
      return { run, row };
    });
  return { placed, rows: Math.max(1, ends.length) };
}

/** @param {() => Timeline | null} read */
export const timeline = (read) => measured((width) => {
  const scene = computed(() => lay(read(), width.value));
  return h("div", { class: "timeline" },
    () => {
      const { data } = scene.value;
      const empty = data && !data.runs.length && !data.coming.length;
      return empty && h("p", { class: "overlay muted" }, "Nothing ran in this time, and nothing is planned.");
    },
    () => (scene.value.data?.runs.length ?? 0) >= MOST_RUNS && h("p", { class: "muted", id: "leftout" },
      `The newest ${MOST_RUNS} runs, which began from ${clock(firstStart(scene.value.data))} on; `,
      h("a", { href: "#/jobs" }, "all jobs"), " are in their list."),
    svg("svg", { role: "group", "aria-label": () => scene.value.label,
      width: () => width.value, height: () => scene.value.height },
      () => scene.value.lanes.map((lane) => svg("g", { class: "lane" },
        svg("rect", { class: "ground", x: 0, y: lane.y, width: width.value, height: lane.height, rx: 4 }),
        svg("text", { x: 8, y: lane.y + Math.min(17, lane.height / 2 + 4), class: "name" }, lane.name))),
      svg("rect", { class: "future", y: 0, x: () => scene.value.nowX,
        width: () => Math.max(0, width.value - scene.value.nowX), height: () => scene.value.height - AXIS }),
      () => scene.value.ticks.map((tick) => svg("g", { class: "tick" },
        svg("line", { x1: tick.x, x2: tick.x, y1: 0, y2: scene.value.height - AXIS }),
        svg("text", { x: tick.x, y: scene.value.height - 6, "text-anchor": "middle" }, tick.text))),
      each(() => scene.value.bars, (bar) => bar.key, (row) => svg("a", { href: row.peek().href,
        class: () => `bar ${row.value.state}`, "aria-label": () => row.value.title },
        svg("rect", { x: () => row.value.x, y: () => row.value.y, width: () => row.value.width,
          height: () => row.value.height, rx: 3 }),
        svg("title", null, () => row.value.title))),
      each(() => scene.value.fires, (fire) => fire.key, (row) => svg("a", { href: row.peek().href,
        class: "fire", "aria-label": () => row.value.title },
        svg("path", { d: () => `M${row.value.x} ${row.value.y - 6}l6 6-6 6-6-6z` }),
        svg("title", null, () => row.value.title))),
      svg("g", { class: "now" },
        svg("line", { x1: () => scene.value.nowX, x2: () => scene.value.nowX, y1: 0,
          y2: () => scene.value.height - AXIS }),
        svg("text", { x: () => scene.value.nowX, y: () => scene.value.height - 6,
          "text-anchor": "middle" }, "Now"))),
    h("ul", { class: "legend", "aria-hidden": "true" },
      ...["succeeded", "running", "failed", "cancelled"].map((state) => h("li", { class: state }, state)),
      h("li", { class: "fire" }, "will fire")));
});

/** @param {Timeline | null} data */
const firstStart = (data) => (data?.runs ?? []).reduce((first, run) => (run.started_at < first ? run.started_at : first), "9");

/**
 * @param {Timeline | null} data
 * @param {number} width
 */
function lay(data, width) {
  const left = width < 560 ? 8 : LEFT;
  if (!data) return { data, lanes: [], bars: [], fires: [], ticks: [], nowX: left, height: 80, label: "" };
  const [since, now, until] = [data.since, data.at, data.until].map((at) => Date.parse(at));
  const scale = (width - left - 10) / ((until ?? 0) - (since ?? 0));
  const x = (/** @type {number} */ at) =>
    Math.round((left + (Math.max(at, since ?? 0) - (since ?? 0)) * scale) * 10) / 10;

  /** @type {Map<number, Run[]>} */
  const byWorker = new Map();
  for (const run of data.runs) {
    byWorker.set(run.worker ?? 0, [...(byWorker.get(run.worker ?? 0) ?? []), run]);
  }
  if (!byWorker.size) byWorker.set(0, []);
  const lanes = [];
  const bars = [];
  let y = TOP;
  for (const [worker, runs] of [...byWorker].sort(([a], [b]) => b - a)) {
    const { placed, rows } = stack(runs, now ?? 0);
    const step = rows > 2 ? 14 : LANE - 8;
    const height = Math.max(LANE, rows * (step + GAP) + 8);
    lanes.push({ y, height, name: left < LEFT ? "" : worker ? `worker ${worker}` : "no worker" });
    for (const { run, row } of placed) {
      const start = Date.parse(run.started_at);
      const end = run.ended_at ? Date.parse(run.ended_at) : (now ?? 0);
      bars.push({
        key: `${run.job} ${run.started_at}`,
        href: link(["jobs", run.job]),
        state: run.ended_at ? run.state : "running",
        title: `${run.task} #${run.job}, ${run.state}, ${clock(start)}, ${duration(end - start)}`,
        x: x(start),
        width: Math.max(3, x(end) - x(start)),
        y: y + 4 + row * (step + GAP),
        height: step,
      });
    }
    y += height + GAP;
  }
  const fires = data.coming.map((coming) => ({
    key: `${coming.schedule} ${coming.at}`,
    href: link(["schedules", coming.schedule]),
    title: `${coming.name} fires at ${absolute(coming.at)}`,
    x: x(Date.parse(coming.at)),
    y: y + 9,
  }));
  lanes.push({ y, height: 20, name: left < LEFT ? "" : "will fire" });
  y += 20;
  return {
    data, lanes, bars, fires,
    ticks: ticks(since ?? 0, until ?? 0, now ?? 0, x, width),
    nowX: x(now ?? 0),
    height: y + AXIS,
    label: `${number(data.runs.length)} runs, ${number(data.coming.length)} coming fires`,
  };
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360].map((minutes) => minutes * 60_000);

/**
 * @param {number} since
 * @param {number} until
 * @param {number} now
 * @param {(at: number) => number} x
 * @param {number} width
 */
function ticks(since, until, now, x, width) {
  const most = Math.max(2, Math.floor(width / 110));
  const step = STEPS.find((each) => (until - since) / each <= most) ?? 720 * 60_000;
  const found = [];
  for (let at = Math.ceil(since / step) * step; at < until; at += step) {
    const near = Math.abs(x(at) - x(now)) < 44 || x(at) > width - 24 || x(at) < 24;
    if (!near) found.push({ x: x(at), text: clock(at).slice(0, 5) });
  }
  return found;
}
