/** A Python traceback: the frames of libraries are folded, those of one's own are not. */
import { copyButton, card, heading } from "./parts.js";
import { h } from "./core.js";

const LIBRARY = /site-packages|dist-packages|[\\/]lib[\\/]python\d|[\\/]src[\\/]offhours[\\/]|<frozen/;

/** @param {string} text */
export const traceback = (text) =>
  card({ class: "traceback", id: "error" }, heading("Error", copyButton(() => text)), ...frames(text));

/**
 * The frames of a traceback, those of libraries folded.
 * @param {string} text
 */
export function frames(text) {
  /** @type {{ library: boolean, lines: string[] }[]} */
  const parts = [];
  for (const line of text.trimEnd().split("\n")) {
    const last = parts.at(-1);
    const frame = /^ {2}File "([^"]*)"/.exec(line);
    if (frame) parts.push({ library: LIBRARY.test(frame[1] ?? ""), lines: [line] });
    else if (last && /^ {4}/.test(line)) last.lines.push(line);
    else parts.push({ library: false, lines: [line] });
  }
  return folded(parts);
}

/** @param {{ library: boolean, lines: string[] }[]} parts */
function folded(parts) {
  const made = [];
  for (let i = 0; i < parts.length; ) {
    const library = parts[i]?.library ?? false;
    const run = [];
    while (i < parts.length && parts[i]?.library === library) run.push(parts[i++]);
    const pre = h("pre", { tabindex: "0" }, run.flatMap((part) => part?.lines ?? []).join("\n"));
    const many = run.length === 1 ? "1 frame" : `${run.length} frames`;
    made.push(library ? h("details", null, h("summary", null, `${many} of libraries`), pre) : pre);
  }
  return made;
}
