/** The parts that pages are made of. */
import { each, h, svg } from "./core.js";
import { tell } from "./dialogs.js";
import { link } from "./router.js";

/** @typedef {import("./core.js").Child} Child */
/** @typedef {import("./core.js").Props} Props */
/** @template T @typedef {import("./core.js").Signal<T>} Signal */

/** A shape beside each word: no state is told by colour alone. */
const SHAPES = /** @type {Record<string, string>} */ ({
  pending: "○", held: "‖", running: "◐", succeeded: "✓", failed: "✕", cancelled: "⊘",
  active: "✓", paused: "‖", disabled: "✕", parked: "‖", ended: "○",
  firing: "!", acknowledged: "◐", resolved: "✓", waiting: "○", sent: "✓",
  ok: "✓", idle: "○", no_worker: "!", stuck: "!", alive: "✓", gone: "✕",
  high: "!", critical: "!", medium: "!", low: "○", skipped: "–",
  approved: "✓", denied: "✕", expired: "–", void: "–",
  done: "✓", promoted: "✓", kept: "‖", refused: "✕", champion: "✓", previous: "○", challenger: "◐",
  draft: "○", deployed: "✓", retired: "✕", better: "✓", worse: "✕",
});

/**
 * @param {string} state
 * @param {string} [word]
 */
export function pill(state, word = state) {
  return h("span", { class: `pill ${state}` },
    h("span", { class: "shape", "aria-hidden": "true" }, SHAPES[state] ?? "•"), word);
}

/**
 * @param {Child} label
 * @param {(event: MouseEvent) => unknown} act
 * @param {Props} [props]
 */
export function button(label, act, props = {}) {
  const made = h("button", { type: "button", ...props, class: `button ${props.class ?? ""}` }, label);
  made.addEventListener("click", async (event) => {
    const done = act(event);
    if (!(done instanceof Promise)) return;
    made.disabled = true;
    try {
      await done;
    } catch (error) {
      tell(/** @type {Error} */ (error));
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

/**
 * @param {Props | null} props
 * @param {...Child} children
 */
export function card(props, ...children) {
  const told = props?.class ?? "";
  const named = typeof told === "function" ? () => `card ${told()}` : `card ${told}`;
  return h("section", { ...props, class: named }, ...children);
}

/**
 * @param {Child} title
 * @param {...Child} more  at the right
 */
export const heading = (title, ...more) =>
  h("header", { class: "heading" }, h("h2", null, title), h("div", { class: "actions" }, ...more));

/**
 * A page's own title, with what can be done there.
 * @param {Child} title
 * @param {Child} [lead]
 * @param {...Child} actions
 */
export function head(title, lead, ...actions) {
  return h("header", { class: "head" },
    h("div", null, h("h1", { tabindex: "-1" }, title), lead && h("p", { class: "muted" }, lead)),
    h("div", { class: "actions" }, ...actions));
}

/**
 * What would be here, and the command to type.
 * @param {string} what
 * @param {string} [command]
 * @param {...Child} more
 */
export function empty(what, command, ...more) {
  return h("div", { class: "empty" },
    h("p", null, what), command && commandLine(command), ...more);
}

/** @param {string} command */
export const commandLine = (command) =>
  h("div", { class: "command" }, h("code", { class: command.startsWith("offhours") ? "shell-line" : "" }, command), copyButton(() => command));

/**
 * @param {() => string} text
 * @param {string} [label]
 */
export function copyButton(text, label = "Copy") {
  return button(label, async () => {
    await copy(text());
    tell("Copied");
  }, { class: "quiet small" });
}

/** @param {string} text */
async function copy(text) {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "unseen", value: text });
  const place = document.querySelector("dialog[open]") ?? document.body;
  place.append(area);
  area.select();
  document.execCommand("copy"); // over plain HTTP there is nothing else
  area.remove();
}

/**
 * A number, and the rows that it counts.
 * @param {string} label
 * @param {Child} value
 * @param {() => string} href
 * @param {Child} [note]
 * @param {() => string} [kind]
 */
export function figure(label, value, href, note, kind) {
  return h("a", { class: () => `figure ${kind?.() ?? ""}`, href },
    h("span", { class: "label" }, label), h("span", { class: "value" }, value),
    note && h("span", { class: "note" }, note));
}

/**
 * A job's name, as a link to it.
 * @param {number} id
 * @param {Child} [text]
 */
export const jobLink = (id, text = `#${id}`) => h("a", { class: "id", href: link(["jobs", id]) }, text);

/**
 * Labelled values.
 * @param {[string, Child][]} pairs
 */
export function facts(pairs) {
  return h("dl", { class: "facts" }, ...pairs.map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, value))));
}

/**
 * @template T
 * @typedef {{ title: string, show: (row: T) => Child, class?: string }} Column
 */

/**
 * A table; on a narrow screen its rows become cards.
 * @template T
 * @param {string} label
 * @param {Column<T>[]} columns
 * @param {() => T[]} rows
 * @param {(row: T) => string | number} key
 * @param {(row: T) => string} [href]  where Enter leads
 */
export function table(label, columns, rows, key, href) {
  return h("div", { class: "scroller" }, h("table", { "aria-label": label, role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...columns.map((column) =>
      h("th", { scope: "col", role: "columnheader", class: column.class ?? "" },
        column.title || h("span", { class: "unseen" }, "actions"))))),
    h("tbody", { role: "rowgroup" }, each(rows, key, (row) =>
      h("tr", { role: "row", "data-row": true, "data-href": () => href?.(row.value) ?? null },
        ...columns.map((column) =>
          h("td", { role: "cell", class: column.class ?? "", "data-title": column.title }, () => {
            const cell = column.show(row.value);
            return typeof cell === "function" ? cell() : cell;
          })))))));
}

/**
 * JSON or text, whole, with a button that copies it.
 * @param {string} title
 * @param {unknown} value
 */
export function block(title, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const long = text.length > 20_000;
  const shown = h("pre", { tabindex: "0" }, long ? `${text.slice(0, 20_000)}\n…` : text);
  const made = card(null,
    heading(title, long && button(`Show all ${text.length.toLocaleString("en")} characters`, () => {
      shown.textContent = text;
    }, { class: "quiet small" }), copyButton(() => text)), shown);
  return made;
}

/**
 * A line of figures without axes.
 * @param {() => number[]} values
 * @param {string} label
 */
export function sparkline(values, label) {
  const [width, height] = [96, 24];
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": label, preserveAspectRatio: "none" }, () => {
    const all = values();
    if (all.length < 2) return null;
    const top = Math.max(1, ...all);
    const title = svg("title", null, `${label}: now ${all.at(-1)}, at most ${Math.max(...all)}`);
    const points = all.map((value, i) =>
      `${((i * width) / (all.length - 1)).toFixed(1)},${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`);
    return [
      title,
      svg("polygon", { points: `0,${height} ${points.join(" ")} ${width},${height}` }),
      svg("polyline", { points: points.join(" ") }),
    ];
  });
}

/**
 * @param {() => number} share  0 to 1
 * @param {string} label
 */
export function meter(share, label) {
  return h("div", { class: "meter", role: "progressbar", "aria-label": label, "aria-valuemin": 0,
    "aria-valuemax": 100, "aria-valuenow": () => Math.round(share() * 100) },
    h("div", { style: () => ({ width: `${Math.min(100, share() * 100)}%` }) }));
}

/**
 * Choices of which one holds.
 * @param {string} label
 * @param {[string, string][]} choices  value and word
 * @param {() => string} chosen
 * @param {(value: string) => void} choose
 */
export function tabs(label, choices, chosen, choose) {
  return h("div", { class: "tabs", role: "group", "aria-label": label }, ...choices.map(
    ([value, word]) => h("button", {
      type: "button", "aria-pressed": () => String(chosen() === value), onclick: () => choose(value),
    }, word)));
}

/**
 * @param {string} label
 * @param {HTMLElement} input
 * @param {Child} [help]
 */
export function field(label, input, help) {
  return h("label", { class: "field" },
    h("span", null, label), input, help && h("small", { class: "muted" }, help));
}

/**
 * @param {[string, string][]} options
 * @param {string} value
 * @param {Props} [props]
 */
export function select(options, value, props) {
  return h("select", props, ...options.map(([key, word]) =>
    h("option", { value: key, selected: key === value }, word)));
}
