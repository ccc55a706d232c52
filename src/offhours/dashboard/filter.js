/** What is typed into the search box, as a filter, and back again. */

const MOMENTS = ["since", "until", "finished_after", "finished_before"];
const KEYS = ["state", "task", "queue", "priority", "tenant", "schedule", "fingerprint", ...MOMENTS];
const REPEATED = new Set(["state", "task", "queue", "priority"]);
const SPANS = /** @type {Record<string, number>} */ ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5 });

/** @typedef {Record<string, string | string[]>} Filter */

/**
 * `state:failed task:"my task" timeout` → { state: ["failed"], task: ["my task"], q: "timeout" }
 * @param {string} text
 * @returns {Filter}
 */
export function filterOf(text) {
  /** @type {Filter} */
  const found = {};
  const words = [];
  for (const [whole, key = "", quoted, plain] of text.matchAll(
    /(?:(\w+):)?(?:"([^"]*)"|(\S+))/g,
  )) {
    const value = quoted ?? plain ?? "";
    if (!KEYS.includes(key)) words.push(key ? whole : value);
    else if (REPEATED.has(key)) found[key] = [...(found[key] ?? []), value];
    else found[key] = value;
  }
  if (words.length) found.q = words.join(" ");
  return found;
}

/**
 * @param {URLSearchParams} query
 * @returns {string}
 */
export function textOf(query) {
  const told = [];
  for (const key of KEYS) {
    for (const value of query.getAll(key)) {
      told.push(`${key}:${/\s/.test(value) ? `"${value}"` : value}`);
    }
  }
  const q = query.get("q");
  return [...told, ...(q ? [q] : [])].join(" ");
}

/**
 * The filter as the API takes it: "1h" becomes the moment an hour ago.
 * @param {URLSearchParams} query
 * @param {number} now
 * @returns {Filter}
 */
export function asked(query, now) {
  /** @type {Filter} */
  const found = {};
  for (const key of [...KEYS, "q"]) {
    const all = query.getAll(key).filter(Boolean);
    if (!all.length) continue;
    if (REPEATED.has(key)) found[key] = all;
    else found[key] = MOMENTS.includes(key) ? moment(all[0] ?? "", now) : (all[0] ?? "");
  }
  return found;
}

/**
 * @param {string} text
 * @param {number} now
 */
function moment(text, now) {
  const span = /^(\d+)([smhd])$/.exec(text);
  if (span) return new Date(now - Number(span[1]) * (SPANS[span[2] ?? ""] ?? 0)).toISOString();
  const told = Date.parse(text);
  return Number.isNaN(told) ? text : new Date(told).toISOString();
}

/** Whether only the server can say which rows are meant. @param {Filter} filter */
export const isSearch = (filter) => Boolean(filter.q || filter.fingerprint);

/**
 * Whether a row is one of those meant, as far as its fields tell; text only the server can search.
 * @param {import("./types.js").JobRow} row
 * @param {Filter} filter
 */
export function matches(row, filter) {
  for (const key of /** @type {const} */ (["state", "task", "queue", "priority"])) {
    if (filter[key] && !filter[key].includes(row[key])) return false;
  }
  if (filter.tenant && row.tenant !== filter.tenant) return false;
  if (filter.schedule && String(row.schedule) !== filter.schedule) return false;
  if (filter.since && row.created_at < filter.since) return false;
  if (filter.finished_after && (row.finished_at ?? "") < filter.finished_after) return false;
  if (filter.finished_before && !(row.finished_at && row.finished_at < filter.finished_before)) return false;
  return !(filter.until && row.created_at >= filter.until);
}
