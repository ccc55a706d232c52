/** What happens, as it happens: a WebSocket, or polling where there is none. */
import { get, session } from "./api.js";
import { effect, onEnd, signal } from "./core.js";

/** @typedef {import("./types.js").Changes} Changes */
/** @typedef {(changes: Changes | null) => void} Listener */

const POLL = 2_000;
const POLL_HIDDEN = 15_000;
const SILENCE = 20_000; // the server says something every 15 s
const LONGEST_WAIT = 5_000;

/** @type {Signal<"connecting" | "live" | "polling" | "lost">} */
export const connection = signal(/** @type {any} */ ("connecting"));
/** @template T @typedef {import("./core.js").Signal<T>} Signal */

/** @type {Set<Listener>} */
const listeners = new Set();
let cursor = -1;
let failures = 0; // in a row, of any kind
let refused = 0; // sockets in a row that never opened although the server answers
let polls = 0;
let opened = false;
/** @type {WebSocket | null} */
let socket = null;
/** @type {number | undefined} */
let timer;
/** @type {number | undefined} */
let watchdog;

/**
 * Be told of each change; null means that something was missed: look again.
 * @param {Listener} listener
 */
export function onChanges(listener) {
  listeners.add(listener);
  onEnd(() => listeners.delete(listener));
}

/** @param {Changes | null} changes */
function tell(changes) {
  for (const listener of [...listeners]) listener(changes);
}

/** Begin; it ends with the session. */
export function start() {
  effect(() => {
    stop();
    if (session.value) connect();
  });
}

function stop() {
  clearTimeout(timer);
  clearTimeout(watchdog);
  const old = socket;
  socket = null;
  old?.close();
}

function connect() {
  clearTimeout(timer);
  const address = new URL("api/v1/live", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const own = new WebSocket(address);
  socket = own;
  opened = false;
  alive();
  own.onmessage = (message) => {
    if (own === socket) hear(JSON.parse(message.data));
  };
  own.onclose = () => {
    if (own === socket) away();
  };
}

/** The other end may be gone without a word. */
function alive() {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => socket?.close(), SILENCE);
}

/** @param {any} message */
function hear(message) {
  alive();
  if (message.type === "hello") {
    const missed = cursor >= 0 && cursor !== message.cursor;
    cursor = message.cursor;
    failures = refused = 0;
    opened = true;
    connection.value = "live";
    if (missed) tell(null);
  } else if (message.type === "changes") {
    cursor = message.cursor;
    tell(message);
  } else if (message.type === "resync") {
    cursor = message.cursor;
    tell(null);
  }
}

/** The socket is closed: try again; where it never opens, poll. */
function away() {
  socket = null;
  clearTimeout(watchdog);
  if (!opened) refused += 1;
  if (connection.peek() === "live") connection.value = "lost";
  poll();
}

async function poll() {
  clearTimeout(timer);
  try {
    const changes = await get(cursor < 0 ? "changes" : `changes?cursor=${cursor}`);
    const known = cursor >= 0;
    cursor = changes.cursor;
    if (known && changes.events.length) tell(changes);
    failures = 0;
    if (refused < 3 || ++polls % 15 === 0) {
      connect();
      return;
    }
    connection.value = "polling";
    timer = setTimeout(poll, document.hidden ? POLL_HIDDEN : POLL);
  } catch {
    connection.value = "lost";
    if (session.peek()) timer = setTimeout(poll, Math.min(LONGEST_WAIT, 250 * 2 ** failures++));
  }
}

/** Look now rather than later. */
export function retryNow() {
  if (!socket) {
    failures = 0;
    poll();
  }
}

addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) retryNow();
});
