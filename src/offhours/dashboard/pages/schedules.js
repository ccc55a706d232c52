/** What fires when? */
import { pauseSchedule, resumeSchedule, runSchedule } from "../actions.js";
import { may } from "../api.js";
import { computed, each, h, signal } from "../core.js";
import { absolute, taskName, when } from "../format.js";
import { button, card, empty, head, pill, tabs } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link, place, replace } from "../router.js";

/** @typedef {import("../types.js").Schedule} Schedule */
/** @typedef {import("../types.js").Fire} Fire */
/** @typedef {import("../resource.js").Resource<{ data: Schedule[], next_cursor: string | null }>} Found */

const SHOWN = 20; // results

export default function schedulesPage() {
  const asked = (/** @type {string} */ key) => () => place.value.parts[0] === "schedules" ? place.value.query.get(key) ?? "" : "";
  const [text, status] = [computed(asked("q")), computed(asked("status"))];
  const show = (/** @type {Record<string, string>} */ change) => replace(link("schedules", { q: text.peek(), status: status.peek(), ...change }));
  const limit = signal(100);
  const found = /** @type {Found} */ (resource(() => `schedules?results=20&limit=${limit.value}`, {
    on: about("schedule.", "job.succeeded", "job.failed"), every: 1_500,
  }));
  const rows = computed(() => (found.data.value?.data ?? []).filter((each) =>
    (!status.value || each.status === status.value) &&
    `${each.name} ${each.task} ${each.sentence}`.toLowerCase().includes(text.value.toLowerCase())));
  const box = h("input", { type: "search", "aria-label": "Find a schedule", placeholder: "Find by name, task or words",
    value: text.peek(), oninput: () => show({ q: box.value }) });
  return h("div", { class: "page schedules" },
    head("Schedules", null, may("admin") &&
      h("a", { class: "button primary", href: "#/schedules/new" }, "New schedule")),
    h("div", { class: "filters" }, tabs("Status", [["", "All"], ["active", "active"], ["paused", "paused"],
      ["disabled", "disabled"], ["ended", "ended"]], () => status.value, (value) => show({ status: value })), box),
    shown(found, () => h("div", { class: "stack" },
      () => found.data.value?.data.length === 0 && empty("No schedule was made yet. Each would be here with its words, its next fire and its last results.",
        'offhours schedule add "every weekday at 9am" pkg.module:function'),
      () => rows.value.length === 0 && (found.data.value?.data.length ?? 0) > 0 && empty("No schedule matches."),
      each(() => rows.value, (row) => row.id, (row) => scheduleCard(() => row.value)),
      () => found.data.value?.next_cursor && limit.value < 500 &&
        button("Show more", () => void (limit.value = 500)))));
}

/** @param {() => Schedule} row */
function scheduleCard(row) {
  const { id } = row();
  return card({ class: "schedule", "data-row": true, "data-href": link(["schedules", id]), "data-schedule": id },
    h("div", { class: "what" },
      h("div", { class: "line" }, h("a", { class: "title", href: link(["schedules", id]) }, () => row().name),
        () => row().status !== "active" && statusPill(row())),
      h("div", { class: "sentence" }, () => row().sentence),
      h("div", { class: "line faint" }, () => taskName(row().task), () => h("code", null, cronOf(row())),
        () => h("span", null, row().timezone), () => row().blackout.length > 0 && h("span", null, `quiet ${row().blackout.join(", ")}`))),
    h("div", { class: "next" }, () => row().next_at && row().status === "active"
      ? [h("span", { class: "faint" }, "fires "), h("b", null, when(row().next_at))]
      : h("span", { class: "faint" }, row().why.sentence.split(";")[0])),
    () => bars(row().results),
    h("div", { class: "actions" }, () => steer(row(), "small")));
}

/** @param {Schedule} row */
export function statusPill(row) {
  const of = row.disable_after && row.status === "disabled" ? `: ${row.failures} of ${row.disable_after} failures` : "";
  return pill(row.status, row.status + of);
}

/** @param {Schedule} row */
export const cronOf = (row) =>
  row.plan.triggers.map((each) => each.expression ?? each.type).join(", ");

/**
 * @param {Schedule} row
 * @param {string} [size]
 */
export function steer(row, size = "") {
  const operate = may("operate");
  return [
    row.status === "active" && operate && button("Run now", () => runSchedule(row.id), { class: size }),
    row.status === "active" && operate && button("Pause", () => pauseSchedule(row.id), { class: size }),
    ["paused", "disabled", "parked"].includes(row.status) && operate &&
      button(row.status === "disabled" ? "Re-enable" : "Resume", () => resumeSchedule(row.id), { class: `${size} primary` }),
  ];
}

/**
 * The latest results, the newest at the right; each leads to its job.
 * @param {Fire[]} results
 */
export function bars(results) {
  if (!results.length) return h("div", { class: "bars faint" }, "has not fired yet");
  const missing = Array.from({ length: Math.max(0, SHOWN - results.length) }, () => h("span", { class: "result none" }));
  return h("div", { class: "bars", role: "group", "aria-label": "latest results" }, ...missing,
    ...[...results].slice(0, SHOWN).reverse().map((fire) => {
      const state = fire.state ?? (fire.job === null ? "skipped" : "gone");
      const told = `${absolute(fire.instant)}: ${fire.reason ?? state}`;
      return fire.job === null ? h("span", { class: `result ${state}`, title: told, role: "img", "aria-label": told })
        : h("a", { class: `result ${state}`, href: link(["jobs", fire.job]), title: told, "aria-label": told });
    }));
}
