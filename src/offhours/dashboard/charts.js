/** Charts whose marks lead to what they count: bars in a row, and runs over time. */
import { computed, each, h, onEnd, signal, svg } from "./core.js";
import { brief, clock, duration, number } from "./format.js";
import { link } from "./router.js";

/** @typedef {import("./core.js").Signal<number>} Width */

/** @typedef {{ key: string | number, parts: [kind: string, value: number][], title: string,
 *   href: string, chosen?: boolean }} Bar */

/** @typedef {{ key: string, x: number, y: number, kind: string, title: string, href: string }} Dot */

/**
 * How wide a part of the page is, as it changes.
 * @param {(width: Width) => HTMLElement} make
 */
export function measured(make) {
  const width = signal(800);
  const made = make(width);
  const observer = new ResizeObserver(([entry]) => {
    if (entry) width.value = Math.max(80, Math.round(entry.contentRect.width));
  });
  observer.observe(made);
  onEnd(() => observer.disconnect());
  return made;
}

/**
 * Bars beside each other, each of parts that stand on one another.
 * @param {string} label
 * @param {() => Bar[]} read
 * @param {{ height?: number, edges?: () => string[] }} [how]  edges: what stands below, apart from each other
 */
export function chart(label, read, { height = 64, edges } = {}) {
  const top = computed(() => Math.max(1, ...read().map(total)));
  return measured((width) => {
    const step = () => width.value / Math.max(1, read().length);
    return h("div", { class: "chart" },
      svg("svg", { role: "group", "aria-label": label, width: () => width.value, height, onkeydown: walk },
        svg("line", { class: "ground", x1: 0, x2: () => width.value, y1: height - 0.5, y2: height - 0.5 }),
        each(() => read().map((bar, at) => ({ bar, at })), ({ bar }) => bar.key, (row) =>
          column(() => row.value.bar, () => row.value.at * step(), step, height, () => top.value,
          () => row.value.at === read().length - 1))),
      edges && h("div", { class: "edges" }, () => edges().map((text) => h("span", null, text))));
  });
}

/**
 * The jobs that ended in a time, as a bar that leads to them.
 * @param {number} at
 * @param {number} length  milliseconds
 * @param {import("./types.js").Figures | undefined} told  none when nothing ended
 * @param {Record<string, string>} [only]  what else the jobs have in common
 * @returns {Bar}
 */
export function endedBar(at, length, told, only = {}) {
  const { successful_executions: good = 0, failed_executions: bad = 0, retried_executions: retried = 0 } = told ?? {};
  const failed = bad - retried;
  const more = [retried && `${number(retried)} tried again`, told && `p95 ${duration(told.p95_execution_time * 1_000)}`].filter(Boolean);
  return {
    key: at,
    parts: [["succeeded", good], ["failed", failed]],
    title: [`${clock(at).slice(0, 5)}: ${number(good)} succeeded`, `${number(failed)} failed`, ...more].join(", "),
    href: link("jobs", { ...only, state: ["succeeded", "failed"],
      finished_after: new Date(at).toISOString(), finished_before: new Date(at + length).toISOString() }),
  };
}

/** @param {Bar} bar */
const total = (bar) => bar.parts.reduce((sum, [, value]) => sum + value, 0);

/**
 * @param {() => Bar} bar
 * @param {() => number} x
 * @param {() => number} step
 * @param {number} height
 * @param {() => number} top
 * @param {() => boolean} last
 */
function column(bar, x, step, height, top, last) {
  const drawn = () => {
    let y = height;
    return bar().parts.filter(([, value]) => value > 0).map(([kind, value]) => {
      const tall = Math.max(2, (value / top()) * (height - 4));
      y -= tall;
      return svg("rect", { class: kind, x: x() + step() * 0.1, y, width: Math.max(1, step() * 0.8), height: tall, rx: 1.5 });
    });
  };
  return svg("a", { class: () => `column${bar().chosen ? " chosen" : ""}`, href: () => bar().href,
    "aria-label": () => bar().title, tabindex: () => (last() ? 0 : -1) },
    svg("rect", { class: "reach", x, y: 0, width: step, height }), drawn, svg("title", null, () => bar().title));
}

/**
 * One mark of a chart is reached by Tab, the others from there by the arrow keys.
 * @param {KeyboardEvent} event
 */
function walk(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const marks = [.../** @type {SVGElement} */ (event.currentTarget).querySelectorAll("a")];
  const next = by && marks[marks.indexOf(/** @type {any} */ (document.activeElement)) + by];
  if (!next) return;
  next.focus();
  event.preventDefault();
}

const LEFT = 58;
const AXIS = 22;

/**
 * Runs by when they ended and how long they took, the latter so that 1 ms and 1 h both have room.
 * @param {string} label
 * @param {() => Dot[]} read  x: milliseconds since 1970; y: how long, in milliseconds
 * @param {number} [height]
 */
export function scatter(label, read, height = 220) {
  return measured((width) => {
    const scene = computed(() => lay(read(), width.value, height));
    return h("div", { class: "chart" }, svg("svg", { role: "group", "aria-label": label, width: () => width.value, height, onkeydown: walk },
      () => scene.value.lines.map(({ y, text }) => svg("g", { class: "tick" },
        svg("line", { x1: LEFT, x2: width.value, y1: y, y2: y }), svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, text))),
      () => scene.value.ticks.map(({ x, text }) => svg("text", { class: "below", x, y: height - 5, "text-anchor": "middle" }, text)),
      each(() => scene.value.dots, (dot) => dot.key, (row) => svg("a", { href: row.peek().href, class: () => `dot ${row.value.kind}`,
        tabindex: () => (row.value.key === scene.value.dots[0]?.key ? 0 : -1), "aria-label": () => row.value.title },
        svg("path", { d: () => mark(row.value) }), svg("title", null, () => row.value.title)))));
  });
}

/** A circle for what went well, a cross for what did not. @param {Dot} dot */
const mark = ({ kind, x, y }) => kind === "failed"
  ? `M${x - 3.5} ${y - 3.5}l7 7m0-7l-7 7` : `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`;

/**
 * @param {Dot[]} dots
 * @param {number} width
 * @param {number} height
 */
function lay(dots, width, height) {
  const times = dots.map((dot) => dot.x);
  const [since, until] = [Math.min(...times), Math.max(...times)];
  const powers = dots.map((dot) => Math.log10(Math.max(0.1, dot.y)));
  const [low, high] = [Math.floor(Math.min(...powers)), Math.max(Math.floor(Math.min(...powers)) + 1, Math.ceil(Math.max(...powers)))];
  const x = (/** @type {number} */ at) => round(LEFT + 8 + ((at - since) / Math.max(1, until - since)) * (width - LEFT - 20));
  const y = (/** @type {number} */ power) => round(8 + ((high - power) / (high - low)) * (height - AXIS - 16));
  const ticks = until - since < 2_000 ? [until] : [0.1, 0.5, 0.9].map((part) => since + part * (until - since));
  return {
    dots: dots.map((dot, i) => ({ ...dot, x: x(dot.x), y: y(powers[i] ?? low) })),
    lines: dots.length ? Array.from({ length: high - low + 1 }, (_, i) => ({ y: y(low + i), text: brief(10 ** (low + i)) })) : [],
    ticks: dots.length ? ticks.map((at) => ({ x: x(at), text: clock(at) })) : [],
  };
}

/** @param {number} n */
const round = (n) => Math.round(n * 10) / 10;
