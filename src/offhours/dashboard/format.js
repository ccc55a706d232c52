/** Times, lengths of time and numbers as people read them. */
import { h } from "./core.js";

let skew = 0;

/**
 * The server's clock counts, not that of the one who looks.
 * @param {string} at
 */
export function setClock(at) {
  const away = Date.parse(at) - Date.now();
  skew = Math.abs(away) > 2_000 ? away : 0;
}

export const now = () => Date.now() + skew;

const UNITS = /** @type {const} */ ([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
]);

/**
 * "820 ms", "4.2 s", "3 min 20 s", "2 d 4 h".
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 1) return ms > 0 ? `${ms.toFixed(1)} ms` : "0 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return coarse(ms, 2);
}

/**
 * The same where room is short: "1.3 min".
 * @param {number | null | undefined} ms
 */
export function brief(ms) {
  const [unit, size] = UNITS.find(([, each]) => (ms ?? 0) >= each) ?? ["s", 1_000];
  return !ms || ms < 60_000 ? duration(ms) : `${Number((ms / size).toFixed(1))} ${unit}`;
}

/**
 * @param {number} ms
 * @param {number} parts
 */
function coarse(ms, parts) {
  let left = Math.round(ms / 1_000) * 1_000;
  const told = [];
  for (const [unit, size] of UNITS) {
    const many = Math.floor(left / size);
    if (many || (unit === "s" && !told.length)) told.push(`${many} ${unit}`);
    left -= many * size;
    if (told.length === parts || (told.length && many === 0)) break;
  }
  return told.join(" ");
}

/**
 * "just now", "12 s ago", "in 4 min".
 * @param {number} at
 */
export function relative(at) {
  const ms = at - now();
  if (Math.abs(ms) < 1_000) return "now";
  return ms < 0 ? `${coarse(-ms, 1)} ago` : `in ${coarse(ms, 2)}`;
}

const FULL = new Intl.DateTimeFormat(undefined, {
  weekday: "short", year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
});
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {string | number} at */
export const absolute = (at) => FULL.format(new Date(at));
/** @param {string | number} at */
export const clock = (at) => CLOCK.format(new Date(at));

/**
 * A moment in a zone of its own: what a schedule's clock shows.
 * @param {string} at
 * @param {string} [zone]
 */
export function inZone(at, zone) {
  return new Intl.DateTimeFormat(undefined, {
    weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    hourCycle: "h23", ...(zone ? { timeZone: zone } : {}), timeZoneName: "short",
  }).format(new Date(at));
}

export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * A moment, relative; absolute on hover. `tick` keeps it up to date.
 * @param {string | null | undefined} at
 */
export function when(at) {
  if (!at) return h("span", { class: "faint" }, "–");
  const ms = Date.parse(at);
  return h("time", { datetime: at, title: absolute(ms), "data-at": ms }, relative(ms));
}

/**
 * How long something goes on already.
 * @param {string} since
 */
export function running(since) {
  const ms = Date.parse(since);
  const made = h("time", { datetime: since, title: `since ${absolute(ms)}` });
  made.dataset.since = String(ms);
  made.textContent = duration(Math.max(0, now() - ms));
  return made;
}

/** Every moment on the page, again. */
export function tick() {
  for (const each of document.querySelectorAll("time[data-at], time[data-since]")) {
    const { at, since } = /** @type {HTMLElement} */ (each).dataset;
    const text = at ? relative(Number(at)) : duration(Math.max(0, now() - Number(since)));
    if (each.textContent !== text) each.textContent = text;
  }
}

const NUMBER = new Intl.NumberFormat("en");
/** @param {number} n */
export const number = (n) => NUMBER.format(n);

/**
 * "1 job", "12 jobs".
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** @param {number} share */
export const percent = (share) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

/**
 * "mail" of "shop.orders:mail": the module goes before it, in grey.
 * @param {string} task
 */
export function taskName(task) {
  const cut = task.lastIndexOf(":") + 1;
  return h("span", { class: "task", title: task },
    cut > 0 && h("span", { class: "module" }, task.slice(0, cut)), task.slice(cut));
}

/**
 * The arguments of a list's row, "[[1, 2], {…}]", as a call shows them.
 * @param {string} text  the beginning of the JSON text
 */
export function callText(text) {
  try {
    const [args, kwargs] = JSON.parse(text);
    const named = Object.entries(kwargs).map(([key, each]) => `${key}=${JSON.stringify(each)}`);
    return [...args.map((/** @type {unknown} */ each) => JSON.stringify(each)), ...named].join(", ");
  } catch {
    return text.replace(/^\[\[?/, "");
  }
}
