/** Where a run is in its code now, while somebody looks. */
import { get } from "./api.js";
import { effect, h, onEnd, signal } from "./core.js";
import { clock, now } from "./format.js";
import { frames } from "./traceback.js";

const EVERY = 1_000;

/**
 * Closed at first: opened, it is asked for every second.
 * @param {number} job
 */
export function liveStack(job) {
  const told = signal(/** @type {{ at: number, text: string | null } | Error | null} */ (null));
  const open = signal(false);
  effect(() => {
    if (!open.value) return;
    const look = () => document.hidden || get(`jobs/${job}/stack`).then(
      ({ stack }) => (told.value = { at: now(), text: stack }), (error) => (told.value = error));
    look();
    const timer = setInterval(look, EVERY);
    onEnd(() => clearInterval(timer));
  });
  const made = h("details", { class: "traceback livestack", ontoggle: () => (open.value = made.open) },
    h("summary", null, "Where it is in its code"), () => {
      const seen = told.value;
      if (seen === null) return h("p", { class: "faint" }, "…");
      if (seen instanceof Error) return h("p", { class: "error" }, seen.message);
      if (seen.text === null) {
        return h("p", { class: "faint" }, "It does not run in a thread of the server's own process: only that in which it runs knows.");
      }
      return h("div", null, ...frames(seen.text), h("p", { class: "faint" }, `as it was at ${clock(seen.at)}`));
    });
  return made;
}
