/** Where the page is: all of it stands behind the `#` of the address. */
import { signal } from "./core.js";

/** @typedef {{ parts: string[], query: URLSearchParams }} Place */

/** @returns {Place} */
function read() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decode);
  return { parts, query: new URLSearchParams(query) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const place = signal(read());
addEventListener("hashchange", () => {
  place.value = read();
});

/**
 * The address of a place: `link("jobs", { state: "failed" })`.
 * @param {string | number | (string | number)[]} path
 * @param {Record<string, string | number | (string | number)[] | null | undefined>} [query]
 */
export function link(path, query) {
  const told = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") told.append(key, String(one));
    }
  }
  const parts = (Array.isArray(path) ? path : [path]).map((p) => encodeURIComponent(String(p)));
  const text = told.toString();
  return `#/${parts.join("/")}${text && `?${text}`}`;
}

/** @param {string} address */
export function go(address) {
  location.hash = address;
}

/**
 * Change the address without a new entry in the history.
 * @param {string} address
 */
export function replace(address) {
  history.replaceState(null, "", address);
  place.value = read();
}
