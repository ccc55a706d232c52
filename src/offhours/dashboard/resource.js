/** What was asked of the server, and is asked again when something happens. */
import { get, Problem, Unreachable } from "./api.js";
import { effect, h, onEnd, signal } from "./core.js";
import { connection, onChanges } from "./live.js";
import { button, card } from "./parts.js";

/** @typedef {import("./types.js").Happening} Happening */
/** @template T @typedef {import("./core.js").Signal<T>} Signal */

/**
 * @template T
 * @typedef {{ data: Signal<T | null>, error: Signal<Error | null>, refresh: () => void }} Resource
 */

/**
 * Runs at once, and then no more often than every so many milliseconds.
 * @param {() => void} run
 * @param {() => number} every
 */
export function throttled(run, every) {
  let last = -Infinity;
  /** @type {number | undefined} */
  let timer;
  onEnd(() => clearTimeout(timer));
  return () => {
    if (timer !== undefined) return;
    const wait = last + every() - performance.now();
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      run();
    }, Math.max(0, wait));
  };
}

/**
 * @template T
 * @param {() => string} path  read anew when what it reads changes
 * @param {{ on?: (event: Happening) => boolean, every?: number }} [how]
 * @returns {Resource<T>}
 */
export function resource(path, how = {}) {
  const data = signal(/** @type {T | null} */ (null));
  const error = signal(/** @type {Error | null} */ (null));
  let stop = new AbortController();
  let took = 0;

  async function load() {
    stop.abort();
    const own = (stop = new AbortController());
    const began = performance.now();
    try {
      const told = await get(path(), own.signal);
      if (own.signal.aborted) return;
      data.value = told;
      error.value = null;
    } catch (problem) {
      if (!own.signal.aborted) error.value = /** @type {Error} */ (problem);
    }
    took = performance.now() - began;
  }

  onEnd(() => stop.abort());
  effect(() => {
    path();
    load();
  });
  const soon = throttled(load, () => Math.max(how.every ?? 1_000, took * 5));
  let stale = false;
  const look = () => {
    stale = document.hidden; // nobody sees it: once, when somebody does
    if (!stale) soon();
  };
  onChanges((changes) => {
    const { on } = how;
    if (changes === null || (on && (changes.skipped > 0 || changes.events.some(on)))) look();
  });
  const back = () => stale && look();
  document.addEventListener("visibilitychange", back);
  onEnd(() => document.removeEventListener("visibilitychange", back));
  return { data, error, refresh: load };
}

/** @param {string[]} prefixes */
export const about =
  (...prefixes) =>
  (/** @type {Happening} */ event) =>
    prefixes.some((prefix) => event.kind.startsWith(prefix));

/**
 * What was asked, once it is there; else that it comes, or why it does not.
 * @template T
 * @param {Resource<T>} resource
 * @param {(data: T) => Node} show  called once; it reads `resource.data` for what changes
 */
export function shown(resource, show) {
  const there = signal(false);
  effect(() => {
    if (resource.data.value !== null) there.value = true;
  });
  return h("div", { class: "shown" }, () => {
    if (there.value) return show(/** @type {T} */ (resource.data.peek()));
    const error = resource.error.value;
    if (error) return problemCard(error, resource.refresh);
    return h("div", { class: "skeleton", "aria-label": "loading", role: "status" });
  });
}

/**
 * @param {Error} error
 * @param {() => void} again
 */
export function problemCard(error, again) {
  const problem = error instanceof Problem ? error : null;
  return card(
    { class: "problem", role: "alert" },
    h("h2", null, problem?.body.title || "It could not be loaded"),
    h("p", null, error.message),
    problem?.hint && h("p", { class: "muted" }, problem.hint),
    button("Try again", again),
  );
}

/** @param {unknown} error */
export const isAway = (error) => error instanceof Unreachable || connection.peek() === "lost";
