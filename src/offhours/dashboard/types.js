/**
 * What the API answers. Types only: nothing here is ever loaded by a browser.
 *
 * @typedef {"pending" | "held" | "running" | "succeeded" | "failed" | "cancelled"} State
 * @typedef {{ name: string, scope: "read" | "submit" | "operate" | "admin", tenant: string | null,
 *   csrf: string | null }} Session
 * @typedef {{ pointer?: string, parameter?: string, detail: string }} Fault
 * @typedef {{ status: number, title: string, code: string, detail: string, hint: string,
 *   errors?: Fault[], choices?: string[], position?: number, count?: number }} ProblemBody
 *
 * @typedef {{ id: number, task: string, name: string | null, state: State, priority: string,
 *   queue: string, tenant: string | null, attempts: number, max_attempts: number | null,
 *   deferrals: number, created_at: string, run_at: string, started_at: string | null,
 *   finished_at: string | null, worker: number | null, code: string | null,
 *   reason: string | null, schedule: number | null, retry_of: number | null,
 *   arguments: string, error: string | null, progress: number | null }} JobRow
 * @typedef {Omit<JobRow, "arguments" | "progress"> & { crashes: number, timeout_ms: number | null,
 *   expires_at: string | null, fire_at: string | null, metadata: Record<string, any> | null,
 *   progress: any, arguments: [any[], Record<string, any>], result: any }} Job
 * @typedef {{ code: string, sentence: string, until: string | null }} Why
 * @typedef {{ seq: number, at: string, kind: string, job: number | null,
 *   attempt: number | null, data: any }} Happening
 * @typedef {{ type: "changes", cursor: number, at: string | null, events: Happening[],
 *   jobs: JobRow[], skipped: number }} Changes
 *
 * @typedef {{ kind: "paused" | "foreground", scope: string, name: string | null,
 *   sentence: string, since: string, until: string | null,
 *   lift: { verb: string, scope: string, name: string | null } | null }} Holding
 * @typedef {{ priority: string, background: boolean, ready: number, later: number, held: number,
 *   running: number, oldest_wait_ms: number | null }} Depth
 * @typedef {{ schedule: number, name: string, task: string, at: string }} Coming
 * @typedef {{ id: number, label: string, pid: number, alive: boolean, slots: number,
 *   started_at: string, last_sign_at: string, lease_ms: number, labels: string[],
 *   version: string, release: string | null, tasks: string[] }} Worker
 * @typedef {{ id: number, workflow: string, holder: string, since: string,
 *   until: string }} Workflow
 * @typedef {{ succeeded: number, failed: number, error_rate: number, per_minute: number,
 *   p50_ms: number, p95_ms: number, longest_ms: number, average_lateness_ms: number }} LastHour
 * @typedef {{ at: string, database: string, cursor: number, counts: Record<string, number>,
 *   banner: Holding[], depths: Depth[], running: JobRow[], failures: JobRow[],
 *   due_soon: Coming[], workers: Worker[], workflows: Workflow[], alerts: number,
 *   last_hour: LastHour,
 *   health: { state: string, sentence: string, workers: number } }} Overview
 * @typedef {{ job: number, task: string, name: string | null, state: string,
 *   worker: number | null, started_at: string, ended_at: string | null }} Run
 * @typedef {{ since: string, at: string, until: string, runs: Run[],
 *   coming: Coming[] }} Timeline
 * @typedef {{ fingerprint: string, error: string, code: string | null, count: number,
 *   tasks: string[], first_at: string, last_at: string, newest: number[] }} Group
 *
 * @typedef {{ schedule: number, instant: string, job: number | null, code: string,
 *   reason: string | null, at: string, delay_ms: number, state: State | null }} Fire
 * @typedef {{ id: number, name: string, task: string, text: string, sentence: string,
 *   timezone: string, plan: { triggers: Record<string, any>[], timezone: string },
 *   status: "active" | "paused" | "disabled" | "parked" | "ended", reason: string | null,
 *   why: Why, next_at: string | null, due_at: string | null, last_at: string | null,
 *   last_job: number | null, runs: number, skipped: number, failures: number,
 *   catch_up: string, overlap: string, jitter_ms: number | null, blackout: string[],
 *   expires_ms: number | null, max_runs: number | null, disable_after: number | null,
 *   priority: string, queue: string, arguments: [any[], Record<string, any>],
 *   metadata: Record<string, any> | null, revision: number, created_at: string,
 *   updated_at: string, results: Fire[] }} Schedule
 * @typedef {{ sentence: string, expressions: string[], timezone: string, fires: string[],
 *   notes: string[], warnings: string[] }} Explained
 *
 * @typedef {{ queue: string, ready: number, later: number, held: number, running: number,
 *   by_priority: Record<string, number>, oldest_wait_ms: number | null,
 *   paused_at: string | null, reason: string | null, concurrency: number | null,
 *   rate: string | null }} Queue
 * @typedef {{ task: string, workers: number, here: boolean, recent_jobs: number,
 *   recent_failed: number, paused: boolean, concurrency: number | null,
 *   rate: string | null }} Task
 * @typedef {{ id: number, rule: string, subject: string, severity: string,
 *   state: "firing" | "acknowledged" | "resolved", message: string, value: number | null,
 *   threshold: number | null, seen: number, fired_at: string, seen_at: string,
 *   acknowledged_at: string | null, acknowledged_by: string | null,
 *   resolved_at: string | null }} Alert
 * @typedef {{ id: number, key: string, target: string, kind: string, subject: string,
 *   state: "waiting" | "sent" | "failed", attempts: number, created_at: string,
 *   next_at: string | null, finished_at: string | null, error: string | null }} Delivery
 * @typedef {{ dump_id: string, at: string, tool: string, severity: string,
 *   reason: string }} DumpRow
 * @typedef {{ tool_name: string, execution_time_ms: number, timestamp: number,
 *   timestamp_iso: string, workflow_id: string | null, step_id: string | null,
 *   result_summary: string }} Call
 * @typedef {{ dump_id: string, triggered_by: string, trigger_variance: number,
 *   trigger_timestamp: string, trigger_unix: number, severity: string, mode: string,
 *   reason: string, explanation: string, observed_ms: number, baseline_mean_ms: number,
 *   baseline_median_ms: number, limit_ms: number | null, rarity: number | null,
 *   workflow_id: string | null, step_id: string | null, buffer_size: number,
 *   buffer_duration_s: number, covered_s: number, suppressed: number, dropped_dumps: number,
 *   buffer_full: boolean, requests: Call[] }} Dump
 * @typedef {{ seq: number, job: number | null, task: string | null, deferred_at: string,
 *   deferred_until: string | null, reason: string | null }} Deferral
 * @typedef {{ seq: number, at: string, by: string, tenant: string | null, face: string,
 *   method: string, path: string, status: number, address: string | null, request: string,
 *   job: number | null }} AuditEntry
 * @typedef {{ id: number, name: string, scope: string, tenant: string | null,
 *   created_at: string, expires_at: string | null, revoked_at: string | null }} Token
 */
export {};
