/** Why is it so configured? The settings of the server's process, and the tokens that hold. */
import { may, post, remove } from "../api.js";
import { h } from "../core.js";
import { ask, tell, typed } from "../dialogs.js";
import { duration, number, when } from "../format.js";
import { button, card, commandLine, copyButton, empty, facts, field, head, heading, pill, select, table } from "../parts.js";
import { resource, shown } from "../resource.js";

/** @typedef {import("../types.js").Token} Token */
/** @typedef {{ version: string, database: string, working: boolean, settings: Record<string, any>,
 *   sources: Record<string, string> }} Settings */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */

const TIMES = new Set(["kill_grace", "lease", "poll", "lock_timeout", "stop_timeout", "foreground_ttl",
  "submit_timeout", "retention", "background_throttle", "ageing"]);

export default function settingsPage() {
  if (!may("admin")) {
    return h("div", { class: "page" }, head("Settings"),
      empty("Settings are shown to tokens of the scope admin.", "offhours token create --scope admin"));
  }
  const found = /** @type {Resource<Settings>} */ (resource(() => "settings"));
  const tokens = /** @type {Resource<{ data: Token[] }>} */ (resource(() => "tokens"));
  return h("div", { class: "page" },
    head("Settings", "As they hold in the server's own process."),
    shown(found, (told) => h("div", null,
      card(null, facts([["Version", told.version], ["Database", told.database],
        ["This process", told.working ? "works on jobs, too" : "only serves"]])),
      card({ id: "settings" }, heading("Settings"), table("Settings", [
        { title: "Name", show: ([name]) => h("code", null, name) },
        { title: "Value", show: ([name, value]) => said(name, value) },
        { title: "Comes from", show: ([name]) => told.sources[name] ? h("b", null, told.sources[name]) : h("span", { class: "faint" }, "default") },
      ], () => Object.entries(told.settings).sort(([a], [b]) => Number(b in told.sources) - Number(a in told.sources)), ([name]) => name),
      h("p", { class: "muted more" }, "What other files and variables would give another process here:"), commandLine("offhours config show --sources")))),
    card({ id: "tokens" }, heading("Tokens", button("New token", () => create(tokens.refresh), { class: "small" })),
      shown(tokens, () => h("div", null,
        () => tokens.data.value?.data.length === 0 && empty("No token was given out.", "offhours token create --scope read"),
        () => (tokens.data.value?.data.length ?? 0) > 0 && table("Tokens", [
          { title: "Name", show: (token) => h("b", null, token.name) },
          { title: "Scope", show: (token) => token.scope },
          { title: "Tenant", show: (token) => token.tenant ?? "all" },
          { title: "Made", show: (token) => when(token.created_at) },
          { title: "Expires", show: (token) => (token.expires_at ? when(token.expires_at) : "never") },
          { title: "State", show: (token) => token.revoked_at ? pill("ended", "revoked") : pill("ok", "holds") },
          { title: "", class: "acts", show: (token) => !token.revoked_at &&
            button("Revoke", () => revoke(token, tokens.refresh), { class: "small" }) },
        ], () => tokens.data.value?.data ?? [], (token) => token.id)))));
}

/**
 * @param {string} name
 * @param {any} value
 */
function said(name, value) {
  if (value === null) return h("span", { class: "faint" }, "none");
  if (TIMES.has(name) && typeof value === "number") return value ? duration(value / 1_000) : h("span", { class: "faint" }, "none");
  if (typeof value === "number") return number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {() => void} refresh */
function create(refresh) {
  return ask({
    title: "New token",
    fields: [
      field("Name", h("input", { name: "name", required: true, maxlength: 200 })),
      field("Scope", select([["read", "read: look"], ["submit", "submit: and submit jobs"],
        ["operate", "operate: and steer"], ["admin", "admin: everything"]], "read", { name: "scope" })),
      field("Tenant", h("input", { name: "tenant" }), "Empty: all"),
      field("Holds for", h("input", { name: "expires", placeholder: "ever, or 30d" })),
    ],
    label: "Make it",
    act: async (form) => {
      /** @type {Record<string, string>} */
      const body = { name: typed(form, "name"), scope: typed(form, "scope") };
      for (const key of ["tenant", "expires"]) if (typed(form, key)) body[key] = typed(form, key);
      const made = await post("tokens", body);
      refresh();
      await shownOnce(made.token);
    },
  });
}

/** @param {string} token */
async function shownOnce(token) {
  void ask({
    title: "It is shown this once",
    body: h("div", { class: "command" }, h("code", null, token), copyButton(() => token)),
    label: "I have it",
    act: async () => {},
  });
}

/**
 * @param {Token} token
 * @param {() => void} refresh
 */
function revoke(token, refresh) {
  return ask({
    title: `Revoke the token ${token.name}?`,
    body: "One token. It holds no more, everywhere within a second.",
    label: "Revoke",
    danger: true,
    act: async () => {
      await remove(`tokens/${token.id}`);
      tell(`Revoked: ${token.name}`);
      refresh();
    },
  });
}
