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
 * @typedef {{ priority: string, last_finished_at: string | null, depths: number[] }} PastDepth
 * @typedef {{ since: string, at: string, step_ms: number, data: PastDepth[] }} PastDepths
 * @typedef {{ total_executions: number, successful_executions: number, failed_executions: number,
 *   retried_executions: number, error_rate: number, average_execution_time: number, median_execution_time: number,
 *   p95_execution_time: number, p99_execution_time: number, longest_execution_time: number,
 *   average_lateness: number, longest_lateness: number }} Figures
 * @typedef {Figures & { trend: "slower" | "faster" | "steady" | "unknown",
 *   points: (Figures & { hour: string })[] }} Trends
 * @typedef {{ since: string, at: string, data: (Figures & { minute: string })[] }} Minutes
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
 *   due_soon: Coming[], workers: Worker[], workflows: Workflow[], alerts: number, approvals: number,
 *   last_hour: LastHour,
 *   health: { state: string, sentence: string, workers: number } }} Overview
 * @typedef {{ job: number, task: string, name: string | null, state: string,
 *   worker: number | null, started_at: string, ended_at: string | null }} Run
 * @typedef {{ since: string, at: string, until: string, runs: Run[],
 *   coming: Coming[] }} Timeline
 * @typedef {{ fingerprint: string, error: string, code: string | null, count: number,
 *   tasks: string[], first_at: string, last_at: string, newest: number[], times: number[] }} Group
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
 * @typedef {{ id: number, at: string, actor: string, action: string, job: number | null,
 *   was: Record<string, any> | null, became: Record<string, any> | null, face: string | null,
 *   request: string | null, address: string | null, tenant: string | null }} AuditEntry
 * @typedef {{ tool: string, recorder: number, count: number, errors: number, samples: number,
 *   mean_ms: number, p50_ms: number, p95_ms: number, p99_ms: number, max_ms: number,
 *   variance: number, threshold: number, mode: string, limit_ms: number | null }} Tool
 *
 * @typedef {{ id: number, job: number, question: string, arguments: any, digest: string,
 *   state: "waiting" | "approved" | "denied" | "expired" | "void", asked_at: string,
 *   until: string | null, decided_at: string | null, decided_by: string | null,
 *   note: string | null }} Approval
 * @typedef {{ id: number, name: string, state: "pending" | "running" | "succeeded" | "failed" |
 *   "cancelled", created_at: string, done: number, total: number,
 *   states: Record<string, number> }} Flow
 * @typedef {{ step: string, job: number, task: string, state: State, reason: string | null }} Step
 * @typedef {{ upstream: number, downstream: number, if_failed: string,
 *   outcome: string | null }} Edge
 * @typedef {Flow & { steps: Step[], edges: Edge[] }} WholeFlow
 *
 * @typedef {{ cycle: number, model_id: number, tenant: string, model: string, job: number,
 *   schedule: number | null, status: string, step: string | null, forced: boolean,
 *   code: string | null, reason: string | null, started_at: string, finished_at: string | null,
 *   report: Record<string, any> | null }} Cycle
 * @typedef {{ id: number, tenant: string, model: string, aliases: Record<string, number>,
 *   golden: string | null, metrics: Record<string, any> | null, cycles: number, good: number,
 *   bad: number, skipped: number, last: Cycle | null,
 *   waiting: { job: number, state: State, why: Why }[] }} Model
 * @typedef {{ version: number, aliases: string[], digest: string, bytes: number,
 *   metrics: Record<string, any>, metadata: Record<string, any>, cycle: number | null,
 *   created_at: string, dropped_at: string | null }} Version
 * @typedef {{ id: number, at: string, kind: string, from_number: number | null,
 *   to_number: number, cycle_id: number | null, by: string, reason: string }} Move
 * @typedef {Model & { versions: Version[], moves: Move[] }} WholeModel
 *
 * @typedef {{ pattern_id: string, task_type: string, occurrences: number, broken: number,
 *   steps: { task_type: string, parameters: { name: string, rule: string }[] }[],
 *   potential: { frequency: number, saving: number, recency: number, total: number },
 *   average_duration_ms: number, total_duration_ms: number, success_rate: number,
 *   first_seen: string, last_seen: string, inputs: string[], evidence_nats: number | null,
 *   reproduced: number | null, explanation: string, automations: string[],
 *   examples: { at: string, parameters: Record<string, any>[] }[] }} Pattern
 * @typedef {{ subject: string, rate: number, tests: number, at: string, by: string }} Verdict
 * @typedef {{ automation_id: string, pattern_id: string, task_type: string, template: string,
 *   language: string, level: string, state: "draft" | "deployed" | "retired", deployed: boolean,
 *   verdict: Verdict | null, cases: number, runs: number, successes: number, by_hand_ms: number,
 *   time_saved_ms: number, created_at: string, changed_at: string,
 *   deployed_at: string | null }} Automation
 * @typedef {{ trial_id: string, control: string, candidate: string, outcome: string | null,
 *   pairs: number, duration_ratio: number | null, duration_ratio_interval: number[] | null,
 *   only_control_succeeded: number, only_candidate_succeeded: number, started_at: string,
 *   ended_at: string | null }} Trial
 * @typedef {Automation & { script: string, parameters: Record<string, any>, refused: string | null,
 *   tests: { params: Record<string, any>, expected: any }[], trials: Trial[] }} WholeAutomation
 * @typedef {{ id: number, name: string, scope: string, tenant: string | null,
 *   created_at: string, expires_at: string | null, revoked_at: string | null }} Token
 */
export {};
