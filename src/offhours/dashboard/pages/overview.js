/** Is it fine? What happens now, what next? */
import { pause, retryJob } from "../actions.js";
import { may } from "../api.js";
import { chart, endedBar } from "../charts.js";
import { computed, each, effect, h, signal } from "../core.js";
import { brief, callText, capital, clock, count, duration, number, percent, running, taskName, when } from "../format.js";
import { onChanges } from "../live.js";
import { button, card, empty, figure, heading, jobLink, meter, pill, sparkline, tabs } from "../parts.js";
import { about, resource, shown } from "../resource.js";
import { link, place, replace } from "../router.js";
import { MOST_RUNS, timeline } from "../timeline.js";

/** @typedef {import("../types.js").Overview} Overview */
/** @typedef {import("../types.js").JobRow} JobRow */
/** @typedef {import("../types.js").Minutes} Minutes */
/** @typedef {import("../types.js").PastDepth} PastDepth */
/** @typedef {import("../types.js").PastDepths} PastDepths */
/** @template T @typedef {import("../resource.js").Resource<T>} Resource */
/** @typedef {import("../shell.js").House} House */
/** @template T @typedef {import("../core.js").Signal<T>} Signal */

const MINUTE = 60_000;
const LISTED = 8;
const ended = about("job.succeeded", "job.failed", "job.retried");

/** @param {House} house */
export default function overviewPage(house) {
  return shown(house, () => {
    const view = /** @type {Signal<Overview>} */ (house.data);
    const live = lively(view);
    return h("div", { class: "page" },
      greeting(view),
      figures(view),
      times(),
      h("div", { class: "columns" },
        h("div", null, minutes(), depths(view), runningCard(live.running)),
        h("div", null, failuresCard(live.failures), dueSoon(view))));
  });
}

/**
 * What runs and what failed, changed by each message; the next overview sets it right.
 * @param {Signal<Overview>} view
 */
function lively(view) {
  const runs = signal(/** @type {JobRow[]} */ ([]));
  const failures = signal(/** @type {JobRow[]} */ ([]));
  effect(() => {
    runs.value = view.value.running;
    failures.value = view.value.failures;
  });
  onChanges((changes) => {
    if (!changes?.jobs.length) return;
    const told = new Map(changes.jobs.map((row) => [row.id, row]));
    const others = runs.peek().filter((row) => !told.has(row.id));
    runs.value = [...others, ...changes.jobs.filter((row) => row.state === "running")].slice(0, 50);
    const failed = changes.jobs.filter((row) => row.state === "failed");
    const before = failures.peek().filter((row) => !told.has(row.id));
    failures.value = [...failed, ...before].sort((a, b) => b.id - a.id).slice(0, LISTED);
  });
  return { running: runs, failures };
}

/** @param {Signal<Overview>} view */
function greeting(view) {
  const state = () => view.value.health.state;
  const rate = () => view.value.last_hour.error_rate;
  return h("header", { class: "head" },
    h("div", null,
      h("h1", { tabindex: "-1" }, () => sentence(view.value)),
      h("div", { class: "pills" },
        h("a", { href: "#/workers" }, () => pill(state(), count(view.value.health.workers, "worker"))),
        h("a", { href: link("alerts", { state: "firing" }) }, () =>
          pill(view.value.alerts ? "firing" : "ok", view.value.alerts
            ? count(view.value.alerts, "open alert") : "no alert")),
        h("a", { href: link("jobs", { state: "failed", since: "1h" }) }, () =>
          pill(rate() > 0.1 ? "failed" : "ok", `${percent(rate())} of runs failed in the last hour`)))),
    h("div", { class: "actions" }, may("operate") && button("Pause all work", () => pause({}))));
}

/** @param {Overview} view */
function sentence({ health, banner, counts }) {
  if (health.state === "ok" && banner.some((held) => held.scope === "all")) return "All work is paused";
  if (health.state === "ok" && banner.some((held) => held.kind === "foreground")) {
    return "The foreground comes first";
  }
  if (health.state === "ok" && !counts.running && !counts.ready) return "All is quiet";
  return capital(health.sentence);
}

/** @param {Signal<Overview>} view */
function figures(view) {
  const counts = computed(() => view.value.counts);
  const hour = computed(() => view.value.last_hour);
  const slots = () => view.value.workers.filter((w) => w.alive).reduce((sum, w) => sum + w.slots, 0);
  /** @param {string} state @param {Record<string, string>} [more] */
  const jobs = (state, more) => () => link("jobs", { state, ...more });
  return h("div", { class: "figures" },
    figure("Running", () => number(counts.value.running ?? 0), jobs("running"),
      () => (slots() ? `of ${count(slots(), "slot")}` : "no slots"),
      () => (counts.value.running ? "busy" : "")),
    figure("Ready", () => number(counts.value.ready ?? 0), jobs("pending"), () => oldest(view.value)),
    figure("Later", () => number(counts.value.later ?? 0), jobs("pending"), "not due yet"),
    figure("Held", () => number(counts.value.held ?? 0), jobs("held"), "for a reason"),
    figure("Done", () => number(hour.value.succeeded), jobs("succeeded", { since: "1h" }),
      () => `last hour, ${hour.value.per_minute.toFixed(1)}/min`),
    figure("Failed", () => number(hour.value.failed), jobs("failed", { since: "1h" }),
      () => `last hour, ${number(counts.value.failed ?? 0)} kept`,
      () => (hour.value.failed ? "bad" : "")),
    figure("Run time", () => brief(hour.value.p50_ms), () => link("tasks"),
      () => `p95 ${brief(hour.value.p95_ms)}, max ${brief(hour.value.longest_ms)}`),
    figure("Lateness", () => brief(hour.value.average_lateness_ms), () => link("tasks"),
      "mean, last hour"));
}

/** @param {Overview} view */
function oldest(view) {
  const waits = view.depths.map((depth) => depth.oldest_wait_ms ?? 0);
  const longest = Math.max(...waits);
  return longest > 0 ? `oldest: ${duration(longest)}` : "nothing waits";
}

function times() {
  const minutes = computed(() => (place.value.parts[0] === "overview" && place.value.query.get("minutes")) || "60");
  const found = resource(() => {
    const all = Math.min(1_440, Math.max(1, Math.round(Number(minutes.value)) || 60));
    return `timeline?minutes=${all}&ahead=${Math.max(3, Math.round(all / 6))}&limit=${MOST_RUNS}`;
  }, { on: about("job.", "schedule."), every: 2_000 });
  return card({ class: "times", id: "timeline" },
    heading("Timeline", tabs("Time shown", [["15", "15 min"], ["60", "1 h"], ["360", "6 h"], ["1440", "1 d"]],
      () => minutes.value, (value) => replace(link("overview", { minutes: value === "60" ? "" : value })))),
    shown(found, () => timeline(() => found.data.value)));
}

/** What ended, minute by minute: the server keeps it, so it is there after a reload. */
function minutes() {
  const found = /** @type {Resource<Minutes>} */ (resource(() => "metrics/minutes", { on: ended, every: 10_000 }));
  const bars = computed(() => barsOf(found.data.value));
  const most = () => Math.max(0, ...(found.data.value?.data ?? []).map((minute) => minute.total_executions));
  return card({ id: "minutes" },
    heading("Ended, minute by minute", h("span", { class: "scale" }, () => (most() ? `at most ${number(most())}, failed on top` : "nothing in the last hour"))),
    chart("Runs that ended, minute by minute", () => bars.value, { height: 44, edges: () => bars.value.length
      ? [clock(Number(bars.value[0]?.key)).slice(0, 5), "now"] : [] }));
}

/**
 * @param {Minutes | null} told
 * @returns {import("../charts.js").Bar[]}
 */
function barsOf(told) {
  if (!told) return [];
  const known = new Map(told.data.map((minute) => [Date.parse(minute.minute), minute]));
  const last = Math.floor(Date.parse(told.at) / MINUTE) * MINUTE;
  return Array.from({ length: 60 }, (_, i) => last - (59 - i) * MINUTE).map((at) => endedBar(at, MINUTE, known.get(at)));
}

/** @param {Signal<Overview>} view */
function depths(view) {
  const past = /** @type {Resource<PastDepths>} */ (resource(() => "depths", { on: () => true, every: 60_000 }));
  const before = computed(() => new Map(past.data.value?.data.map((each) => [each.priority, each])));
  const since = () => (past.data.value ? `since ${clock(past.data.value.since).slice(0, 5)}` : "");
  const last = lastEnds(before);
  const top = computed(() => Math.max(1, ...view.value.depths.map((d) => d.ready + d.running)));
  return card({ id: "depths" }, heading("Depth by priority", h("span", { class: "scale" }, since)),
    h("div", { class: "depths" }, each(() => view.value.depths, (depth) => depth.priority, (row) => {
      const { priority } = row.peek();
      const jobs = (/** @type {string} */ state) => link("jobs", { state, priority });
      return h("div", { class: "depth" },
        h("div", { class: "name" }, priority,
          () => row.value.background && h("span", { class: "faint" }, " background class")),
        h("div", { class: "numbers" },
          h("a", { href: () => jobs("running") }, h("b", null, () => number(row.value.running)), " running"),
          h("a", { href: () => jobs("pending") }, h("b", null, () => number(row.value.ready)), " ready"),
          h("a", { href: () => jobs("pending") }, h("b", null, () => number(row.value.later)), " later"),
          () => row.value.held > 0 && h("a", { href: jobs("held") }, h("b", null, number(row.value.held)), " held")),
        meter(() => (row.value.ready + row.value.running) / top.value, `share of ${priority}`),
        sparkline(() => [...(before.value.get(priority)?.depths ?? []), row.value.ready + row.value.running],
          `ready and running, ${priority}, in the last hour`),
        h("div", { class: "wait faint" }, () => row.value.oldest_wait_ms === null ? lastOf(last.value.get(priority))
          : `oldest waits ${duration(row.value.oldest_wait_ms)}`));
    })));
}

/** @param {string | undefined} at */
const lastOf = (at) => (at ? ["last finished ", when(at)] : "none ended in an hour");

/**
 * When a job of each priority ended last: as the server computed it, and as is told since.
 * @param {Signal<Map<string, PastDepth>>} before
 */
function lastEnds(before) {
  const last = signal(/** @type {ReadonlyMap<string, string>} */ (new Map()));
  const note = (/** @type {[string, string | null][]} */ told) => {
    const next = new Map(last.peek());
    for (const [priority, at] of told) if (at && at > (next.get(priority) ?? "")) next.set(priority, at);
    last.value = next;
  };
  effect(() => note([...before.value.values()].map((each) => [each.priority, each.last_finished_at])));
  onChanges((changes) => note((changes?.jobs ?? []).map((job) => [job.priority, job.finished_at])));
  return last;
}

/** @param {Signal<JobRow[]>} rows */
function runningCard(rows) {
  return card({ id: "running" },
    heading(h("a", { href: link("jobs", { state: "running" }) }, "Running now")),
    () => rows.value.length === 0 && empty("Nothing runs at this moment."),
    h("ul", { class: "list" }, each(() => rows.value.slice(0, LISTED), (row) => row.id, (row) =>
      h("li", { "data-row": true, "data-href": link(["jobs", row.peek().id]) },
        h("div", { class: "line" }, pill("running"), jobLink(row.peek().id), taskName(row.peek().task),
          h("span", { class: "spacer" }), () => running(row.value.started_at ?? row.value.created_at)),
        h("div", { class: "line faint call" }, callText(row.peek().arguments)),
        () => row.value.progress !== null && meter(() => row.value.progress ?? 0, "progress")))),
    () => rows.value.length > LISTED && h("a", { class: "more", href: link("jobs", { state: "running" }) },
      `${rows.value.length - LISTED} more`));
}

/** @param {Signal<JobRow[]>} rows */
function failuresCard(rows) {
  return card({ id: "recent-failures" },
    heading(h("a", { href: "#/failures" }, "Recent failures")),
    () => rows.value.length === 0 && empty("Nothing has failed."),
    h("ul", { class: "list" }, each(() => rows.value, (row) => row.id, (row) =>
      h("li", { "data-row": true, "data-href": link(["jobs", row.peek().id]) },
        h("div", { class: "line" }, pill("failed"), jobLink(row.peek().id), taskName(row.peek().task),
          h("span", { class: "spacer" }), () => when(row.value.finished_at)),
        h("div", { class: "line apart" },
          h("span", { class: "error" }, () => row.value.error ?? row.value.reason ?? row.value.code ?? ""),
          may("submit") && button("Retry", () => retryJob(row.peek().id), { class: "small", "data-retry": true }))))));
}

/** @param {Signal<Overview>} view */
function dueSoon(view) {
  return card({ id: "due-soon" }, heading(h("a", { href: "#/schedules" }, "Due soon")),
    () => view.value.due_soon.length === 0 &&
      empty("No schedule fires in the next ten minutes.", 'offhours schedule add "every hour" pkg:func'),
    h("ul", { class: "list" }, each(() => view.value.due_soon.slice(0, LISTED),
      (coming) => `${coming.schedule} ${coming.at}`, (row) => h("li", null, h("div", { class: "line" },
        h("a", { href: link(["schedules", row.peek().schedule]) }, row.peek().name),
        taskName(row.peek().task), h("span", { class: "spacer" }), when(row.peek().at))))));
}
