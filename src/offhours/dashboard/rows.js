/**
 * A list of any length, of which only some parts are here: the newest rows, and blocks of those
 * behind them. Blocks are counted from the end of the first rows, where new jobs move nothing.
 */
import { get } from "./api.js";
import { signal } from "./core.js";
import { isSearch, matches } from "./filter.js";
import { link } from "./router.js";

/** @typedef {import("./types.js").JobRow} JobRow */
/** @typedef {import("./types.js").Changes} Changes */
/** @typedef {import("./filter.js").Filter} Filter */

const FIRST = 100;
const BLOCK = 200;
const KEPT = 12; // blocks, near the reader

export class Rows {
  total = signal(0);
  /** Grows with each change of what `at` answers. */
  version = signal(0);
  loaded = signal(false);
  error = signal(/** @type {Error | null} */ (null));
  /** @type {JobRow[]} */ #first = [];
  /** @type {Map<number, JobRow[]>} */ #blocks = new Map();
  /** @type {string | null} */ #cursor = null;
  #wanted = 0;
  #busy = false;
  #stop = new AbortController();

  /** @param {Filter} filter */
  constructor(filter) {
    this.filter = filter;
  }

  /** @param {number} index */
  at(index) {
    if (index < this.#first.length) return this.#first[index];
    const behind = index - this.#first.length;
    return this.#blocks.get(Math.floor(behind / BLOCK))?.[behind % BLOCK];
  }

  /** All from the beginning. */
  async load() {
    this.#stop.abort();
    const stop = (this.#stop = new AbortController());
    try {
      const told = await get(this.#address({ limit: FIRST, count: "true" }), stop.signal);
      this.#first = told.data;
      this.#cursor = told.next_cursor;
      this.#blocks.clear();
      this.total.value = told.total;
      this.error.value = null;
      this.loaded.value = true;
      this.version.value += 1;
    } catch (error) {
      if (!stop.signal.aborted) this.error.value = /** @type {Error} */ (error);
    }
  }

  end() {
    this.#stop.abort();
  }

  /**
   * This row will be shown: bring it, and those beside it.
   * @param {number} index
   */
  async want(index) {
    this.#wanted = index;
    if (this.#busy) return;
    this.#busy = true;
    const stop = this.#stop;
    try {
      // Who scrolls on meanwhile wants another one then.
      while (!stop.signal.aborted && this.#cursor && !this.at(this.#wanted)) {
        if (!(await this.#bring(stop.signal))) break;
      }
    } catch (error) {
      if (!stop.signal.aborted) this.error.value = /** @type {Error} */ (error);
    } finally {
      this.#busy = false;
    }
  }

  /** @param {AbortSignal} stop */
  async #bring(stop) {
    const behind = this.#wanted - this.#first.length;
    const block = Math.floor(behind / BLOCK);
    const told = await get(
      this.#address({ limit: BLOCK, cursor: this.#cursor, skip: block * BLOCK }),
      stop,
    );
    this.#blocks.set(block, told.data);
    const far = [...this.#blocks.keys()].sort((a, b) => Math.abs(a - block) - Math.abs(b - block));
    for (const each of far.slice(KEPT)) this.#blocks.delete(each);
    this.version.value += 1;
    return told.data.length > behind % BLOCK;
  }

  /** @param {Record<string, string | number | null>} more */
  #address(more) {
    return link("jobs", { ...this.filter, ...more }).replace("#/", "");
  }

  /**
   * Take over what has changed.
   * @param {Changes} changes
   * @param {boolean} atTop  new rows are put before the first one
   * @returns {{ stale: boolean, fresh: number }}  whether that did not tell all; how many are new
   */
  apply(changes, atTop) {
    if (!this.loaded.peek()) return { stale: false, fresh: 0 };
    let fresh = 0;
    let touched = false;
    const newest = this.#first[0]?.id ?? 0;
    for (const row of [...changes.jobs].sort((a, b) => a.id - b.id)) {
      const known = this.#replace(row);
      touched ||= known;
      if (known || row.id <= newest || isSearch(this.filter) || !matches(row, this.filter)) continue;
      fresh += 1;
      if (!atTop) continue;
      this.#first = [row, ...this.#first];
      this.total.value += 1;
    }
    if (touched || (fresh && atTop)) this.version.value += 1;
    const unsure = isSearch(this.filter) || this.filter.state || this.filter.finished_after || this.#first.length > 10 * FIRST;
    return { stale: changes.skipped > 0 || Boolean(unsure), fresh };
  }

  /** @param {JobRow} row */
  #replace(row) {
    for (const rows of [this.#first, ...this.#blocks.values()]) {
      const at = rows.findIndex((each) => each.id === row.id);
      if (at >= 0) {
        rows[at] = row;
        return true;
      }
    }
    return false;
  }
}
