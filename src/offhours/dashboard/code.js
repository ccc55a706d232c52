/** A script to be read: its lines numbered, its words told apart. Text stays text. */
import { h } from "./core.js";

const WORDS = /("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#[^\n]*)|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|if|import|in|is|lambda|None|not|or|pass|raise|return|True|False|try|while|with|yield)\b/g;
const KINDS = ["", "text", "comment", "word"];

/**
 * @param {string} script
 * @param {string} label
 */
export function code(script, label) {
  /** @type {import("./core.js").Plain[]} */
  const parts = [];
  let from = 0;
  for (const found of script.matchAll(WORDS)) {
    parts.push(script.slice(from, found.index));
    const kind = KINDS[found.findIndex((each, i) => i > 0 && each !== undefined)] ?? "";
    parts.push(h("span", { class: kind }, found[0]));
    from = found.index + found[0].length;
  }
  parts.push(script.slice(from));
  const lines = script.split("\n").length;
  return h("div", { class: "code", tabindex: "0", role: "group", "aria-label": label },
    h("pre", { class: "lines", "aria-hidden": "true" }, Array.from({ length: lines }, (_, i) => i + 1).join("\n")),
    h("pre", null, ...parts));
}
