/** The next fires, on the schedule's clock and on that of the one who looks. */
import { h } from "./core.js";
import { inZone, ownZone, relative } from "./format.js";

/** @typedef {import("./types.js").Explained} Explained */

/** @param {Explained} told */
export function fireTimes(told) {
  const other = told.timezone !== ownZone();
  return h("div", { class: "firetimes" },
    told.fires.length ? h("table", { "aria-label": "Next fires" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, told.timezone),
        other && h("th", { scope: "col" }, `here: ${ownZone()}`), h("th", { scope: "col" }, "from now"))),
      h("tbody", null, ...told.fires.map((at) => h("tr", null,
        h("td", null, h("time", { datetime: at }, inZone(at, zoneOf(told.timezone)))),
        other && h("td", { class: "muted" }, inZone(at)),
        h("td", { class: "faint" }, relative(Date.parse(at)))))))
      : h("p", { class: "muted" }, "It never fires."),
    ...told.notes.map((note) => h("p", { class: "remark" }, note)),
    ...told.warnings.map((warning) => h("p", { class: "remark warning" }, warning)));
}

/**
 * A zone that this browser knows; else its own.
 * @param {string} zone
 */
function zoneOf(zone) {
  try {
    new Intl.DateTimeFormat(undefined, { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}
