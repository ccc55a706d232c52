/** Questions before something is done, and what is told after it. */
import { Problem } from "./api.js";
import { h } from "./core.js";

/** @typedef {import("./core.js").Child} Child */

/**
 * Say something at the edge of the page; an error stays longer.
 * @param {string | Error} what
 * @param {import("./core.js").Plain | import("./core.js").Plain[]} [more]  a link, a way back
 */
export function tell(what, more) {
  const bad = what instanceof Error;
  const hint = what instanceof Problem ? what.hint : "";
  const toast = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : "status" },
    h("div", null, bad ? what.message : what, hint && h("div", { class: "hint" }, hint)), more,
    h("button", { type: "button", class: "close", "aria-label": "Dismiss",
      onclick: () => toast.remove() }, "×"));
  const holder = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  holder.append(toast);
  if (holder.childElementCount > 4) holder.firstElementChild?.remove();
  setTimeout(() => toast.remove(), bad || more ? 12_000 : 5_000);
}

/**
 * A dialog with a form. `act` is given what was typed; while it refuses, the dialog stays open.
 * @param {{ title: string, body?: Child, fields?: HTMLElement[], label: string, danger?: boolean,
 *   act: (form: HTMLFormElement) => Promise<unknown> }} what
 * @returns {Promise<boolean>} whether it was done
 */
export function ask({ title, body, fields = [], label, danger, act }) {
  return new Promise((resolve) => {
    const refused = h("p", { class: "refused", role: "alert" });
    const go = h("button", { type: "submit", class: danger ? "button danger" : "button primary" }, label);
    let done = false;
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title), typeof body === "string" ? h("p", null, body) : body,
      ...fields, refused,
      h("footer", null,
        h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"), go));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      refused.textContent = "";
      try {
        await act(form);
        done = true;
        dialog.close();
      } catch (error) {
        refused.textContent = describe(/** @type {Error} */ (error));
      }
      go.disabled = false;
    });
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    if (danger) go.focus();
  });
}

/** @param {Error} error */
export function describe(error) {
  const hint = error instanceof Problem ? error.hint : "";
  return hint ? `${error.message}. ${hint}` : error.message;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export const typed = (form, name) => {
  const input = form.elements.namedItem(name);
  return input && "value" in input ? String(input.value).trim() : "";
};

/**
 * JSON that was typed; an error that names the field.
 * @param {string} text
 * @param {string} name
 * @param {unknown} instead  when nothing was typed
 */
export function typedJson(text, name, instead) {
  if (!text.trim()) return instead;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name}: this is not JSON: ${/** @type {Error} */ (error).message}`);
  }
}
