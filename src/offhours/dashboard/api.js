/** Asks the server: session, CSRF token, problems. All addresses are relative. */
import { signal } from "./core.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").ProblemBody} ProblemBody */

/** Who asks; null until a token was shown. */
export const session = signal(/** @type {Session | null} */ (null));

const BASE = "api/v1/";

/** What the server refused, and what can be done. */
export class Problem extends Error {
  /** @param {ProblemBody} body */
  constructor(body) {
    super(body.detail);
    this.body = body;
    this.code = body.code;
    this.hint = body.hint && body.hint !== body.title ? body.hint : "";
  }
}

/** The server cannot be reached. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [more]
 */
async function send(method, path, more = {}) {
  const headers = { ...more.headers };
  if (more.body !== undefined) headers["Content-Type"] = "application/json";
  const csrf = session.peek()?.csrf;
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const body = more.body === undefined ? null : JSON.stringify(more.body);
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body, signal: more.signal ?? null });
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new Unreachable();
  }
  const told = await response.json().catch(() => null);
  if (response.ok) return { data: told, response };
  if (response.status === 401) session.value = null;
  throw new Problem(
    told?.code
      ? told
      : { status: response.status, title: "", code: "unknown", detail: response.statusText, hint: "" },
  );
}

/**
 * @param {string} path
 * @param {AbortSignal} [stop]
 * @returns {Promise<any>}
 */
export const get = async (path, stop) =>
  (await send("GET", path, stop ? { signal: stop } : {})).data;

/**
 * @param {string} path
 * @returns {Promise<{ data: any, etag: string }>}
 */
export async function getVersioned(path) {
  const { data, response } = await send("GET", path);
  return { data, etag: response.headers.get("ETag") ?? "*" };
}

/**
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export const post = async (path, body = {}) => (await send("POST", path, { body })).data;

/**
 * Do something to the version of a thing that was seen.
 * @param {string} path
 * @param {unknown} body
 * @param {string} etag
 * @returns {Promise<any>}
 */
export const postVersioned = async (path, body, etag) =>
  (await send("POST", path, { body, headers: { "If-Match": etag } })).data;

/**
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<any>}
 */
export const put = async (path, body) => (await send("PUT", path, { body })).data;

/**
 * @param {string} path
 * @param {unknown} body
 * @param {string} etag
 * @returns {Promise<any>}
 */
export const patch = async (path, body, etag) =>
  (await send("PATCH", path, { body, headers: { "If-Match": etag } })).data;

/**
 * @param {string} path
 * @param {string} [etag]
 */
export const remove = async (path, etag = "*") => {
  await send("DELETE", path, { headers: { "If-Match": etag } });
};

/**
 * Begin a session with a token, or go on with the one of the cookie.
 * @param {string} [token]
 */
export async function enter(token) {
  session.value = token ? await post("session", { token }) : await get("session");
}

/** Whether the one who asks may do this. */
export const may = (/** @type {"read" | "submit" | "operate" | "admin"} */ scope) => {
  const order = ["read", "submit", "operate", "admin"];
  const own = session.value?.scope;
  return own !== undefined && order.indexOf(own) >= order.indexOf(scope);
};
