-- Jobs --------------------------------------------------------------------------------------------

-- Ids grow for ever without AUTOINCREMENT because pruning never deletes the newest row.
-- parent_id: the job that submitted it while it ran, if one did
-- per_key: so many jobs of its concurrency key run at once
-- line: jobs of one priority take turns by it: those of tenants, of limited tasks and of keys
-- told: 0 if it was submitted in the transaction of somebody else, and its event is still to come
create table jobs (
    id integer primary key,
    task text not null,
    args text not null,
    priority integer not null,
    max_attempts integer,
    queue text not null,
    timeout integer,
    name text,
    metadata text,
    unique_key text,
    on_lost text not null,
    owner text,
    retry_of integer,
    parent_id integer,
    schedule_id integer,
    fire_at integer,
    tenant text,
    concurrency_key text,
    per_key integer,
    expires_at integer,
    created_at integer not null,
    state text not null default 'pending',
    ready integer not null,
    run_at integer not null,
    attempt integer not null default 0,
    returned integer not null default 0,
    crashes integer not null default 0,
    deferrals integer not null default 0,
    worker integer,
    begun integer not null default 0,
    started_at integer,
    finished_at integer,
    result text,
    error text,
    code text,
    reason text,
    progress text,
    cancel_at integer,
    line text not null default '',
    told integer not null default 1,
    check (state in ('pending', 'held', 'running', 'succeeded', 'failed', 'cancelled')),
    check ((state = 'running') = (worker is not null)),
    check ((state in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)),
    check (ready in (0, 1) and (ready = 0 or state = 'pending'))
);

-- Small and partial: a job pays only for the index of the state that it is in.
create index jobs_ready on jobs (priority, queue, line, id) where ready = 1;
create index jobs_due on jobs (run_at) where state = 'pending' and ready = 0;
create index jobs_running on jobs (priority, worker) where worker is not null;
create index jobs_held on jobs (task) where state = 'held';
create index jobs_finished on jobs (state, finished_at) where finished_at is not null;
create unique index jobs_unique on jobs (unique_key)
    where unique_key is not null and finished_at is null;
create index jobs_owned on jobs (owner) where owner is not null and finished_at is null;
create index jobs_expiring on jobs (expires_at)
    where expires_at is not null and state in ('pending', 'held');
create index jobs_of_schedule on jobs (schedule_id)
    where schedule_id is not null and finished_at is null;
create index jobs_untold on jobs (id) where told = 0;
create index jobs_of_parent on jobs (parent_id) where parent_id is not null;
create index jobs_awaiting on jobs (run_at)
    where state = 'held' and code in ('signal', 'approval');
create index jobs_retries on jobs (retry_of) where retry_of is not null;
create index jobs_deferred on jobs (deferrals) where deferrals > 0;
create index jobs_of_tenant on jobs (tenant) where tenant is not null and finished_at is null;
create index jobs_of_key on jobs (concurrency_key, worker)
    where concurrency_key is not null and finished_at is null;

-- sqlite only
create index jobs_thought on jobs (metadata ->> '$.origin_thought_id')
    where instr(metadata, 'origin_thought_id') > 0;

-- postgres only
create index jobs_thought on jobs ((metadata::json ->> 'origin_thought_id'))
    where strpos(metadata, 'origin_thought_id') > 0;

-- both

create table events (
    seq integer primary key,
    at integer not null,
    kind text not null,
    job_id integer,
    attempt integer,
    data text
);

-- A job's submission is in its own row; leaving it out keeps a submit at two pages.
create index events_job on events (job_id) where job_id is not null and kind <> 'job.submitted';
create index events_deferred on events (at) where kind = 'job.deferred';

-- Numbers of dead workers are never given again: a woken one must find itself gone.
create table workers (
    id integer primary key autoincrement,
    label text not null,
    host text not null,
    pid integer not null,
    pid_started text not null,
    address text not null,
    tasks text not null,
    slots integer not null,
    started_at integer not null,
    beat integer not null default 0,
    beat_at integer not null,
    lease integer not null,
    labels text not null default '[]',
    version text not null default '',
    release text
);

create table foreground (
    id integer primary key autoincrement,
    workflow text not null,
    holder text not null,
    since integer not null,
    until integer not null,
    ttl integer not null
);

-- What holds back all work, a queue or a task. No row: nothing does.
create table limits (
    scope text not null,
    name text not null,
    concurrency integer,
    rate_count integer,
    rate_per integer,
    next_at integer not null default 0,
    paused_at integer,
    reason text,
    declared text,
    primary key (scope, name),
    check (scope in ('all', 'queue', 'task'))
) without rowid;

-- Idempotency keys: each has made one job, of which only the number need be left.
create table once (
    key text primary key,
    job_id integer not null,
    digest text not null,
    at integer not null
) without rowid;

create index once_at on once (at);

-- What somebody did by hand. Rows are only ever added, and outlive the events.
-- via: by which face, and in which request: a JSON object
create table audit (
    id integer primary key,
    at integer not null,
    actor text not null,
    action text not null,
    job_id integer,
    was text,
    became text,
    via text
);

create table meta (
    key text primary key,
    value integer not null
) without rowid;

-- A number by which this database is known elsewhere.
-- sqlite only
insert into meta (key, value) values ('origin', random() & 9007199254740991);

-- postgres only
insert into meta (key, value) values ('origin', (random() * 9007199254740991)::bigint);

-- both

-- Schedules ---------------------------------------------------------------------------------------

-- Numbers are never given again: the fires of a deleted schedule must not be those of another.
create table schedules (
    id integer primary key autoincrement,
    name text not null unique,
    task text not null,
    args text not null,
    priority integer not null,
    max_attempts integer,
    queue text not null,
    timeout integer,
    metadata text,
    on_lost text not null,
    plan text not null,
    text text not null,
    catch_up text not null,
    overlap text not null,
    jitter integer not null,
    blackouts text,
    expires integer,
    max_runs integer,
    disable_after integer,
    declared text,
    revision integer not null default 1,
    status text not null default 'active',
    reason text,
    next_at integer,
    due_at integer,
    runs integer not null default 0,
    skipped integer not null default 0,
    failures integer not null default 0,
    last_at integer,
    last_job integer,
    delay_total integer not null default 0,
    delay_most integer not null default 0,
    on_time integer not null default 0,
    created_at integer not null,
    updated_at integer not null,
    check (status in ('active', 'paused', 'disabled', 'parked', 'ended')),
    check ((status = 'active') = (due_at is not null)),
    check (due_at is null or next_at is not null)
);

create index schedules_due on schedules (due_at) where due_at is not null;
create index schedules_jittered on schedules (next_at) where due_at is not null and jitter > 0;
create index schedules_task on schedules (status, task);

-- sqlite only
create index schedules_thought on schedules (metadata ->> '$.origin_thought_id')
    where instr(metadata, 'origin_thought_id') > 0;

-- postgres only
create index schedules_thought on schedules ((metadata::json ->> 'origin_thought_id'))
    where strpos(metadata, 'origin_thought_id') > 0;

-- both

-- One row for each instant that has passed: its job, or the reason why there is none.
create table fires (
    schedule_id integer not null,
    instant integer not null,
    job_id integer,
    code text not null,
    reason text,
    at integer not null,
    delay integer not null,
    primary key (schedule_id, instant)
) without rowid;

create index fires_at on fires (at);

-- Flows -------------------------------------------------------------------------------------------

create table flows (
    id integer primary key autoincrement,
    name text not null,
    created_at integer not null
);

create table members (
    job_id integer primary key,
    flow_id integer not null,
    step text not null
);

create index members_of_flow on members (flow_id);

-- What waits for what; the outcome is that of the upstream, when it has ended.
create table dependencies (
    upstream integer not null,
    downstream integer not null,
    if_failed text not null,
    outcome text,
    primary key (upstream, downstream),
    check (if_failed in ('cancel', 'ignore', 'hold', 'catch'))
) without rowid;

create index dependencies_of on dependencies (downstream);
create index dependencies_open on dependencies (downstream) where outcome is null;

-- What a run has done already, by name. Without a result it waits, until a time or for ever.
create table steps (
    job_id integer not null,
    name text not null,
    result text,
    until integer,
    awaits text,
    at integer not null,
    seq integer not null,
    primary key (job_id, name)
) without rowid;

create table signals (
    id integer primary key,
    job_id integer not null,
    name text not null,
    payload text not null,
    at integer not null
);

create index signals_of on signals (job_id, name);

create table approvals (
    id integer primary key,
    job_id integer not null,
    step text not null,
    question text not null,
    args text,
    digest text not null,
    asked_at integer not null,
    until integer,
    state text not null default 'waiting',
    decided_at integer,
    decided_by text,
    note text,
    check (state in ('waiting', 'approved', 'denied', 'expired', 'void'))
);

create index approvals_of on approvals (job_id, step);
create index approvals_waiting on approvals (asked_at) where state = 'waiting';

-- Agents ------------------------------------------------------------------------------------------

-- A goal is a schedule (of one instant, or of many) in the name of an agent, and what it is for.
-- thread: the conversation in which it is worked on; without one, each time a new one
-- delivery: the route by which its thoughts are told, or 'none'; without it, all of the agent's
create table goals (
    schedule_id integer primary key,
    task_id text not null unique,
    agent text not null,
    tenant text,
    name text not null,
    goal text not null,
    prompt text not null,
    origin text,
    created_by text not null,
    cron text,
    expires_at integer,
    deferrals integer not null default 0,
    cancelled_at integer,
    thread text,
    delivery text
);

create index goals_of_agent on goals (agent);
create index goals_of_tenant on goals (tenant) where tenant is not null;

-- A goal moved to later: itself, or a job of it. (Those of all jobs are events.)
create table goal_deferrals (
    id integer primary key,
    schedule_id integer not null,
    at integer not null,
    until integer not null,
    reason text not null,
    job_id integer,
    gate text,
    thought_id text,
    context text
);

create index goal_deferrals_of on goal_deferrals (schedule_id);
create index goal_deferrals_at on goal_deferrals (at);

-- The inbox. What was taken is visible again at a time, unless it was acknowledged.
create table thoughts (
    id integer primary key autoincrement,
    key text not null unique,
    agent text not null,
    prompt text not null,
    goal text,
    origin text,
    created_by text not null,
    note text,
    schedule_id integer,
    fire_at integer,
    job_id integer,
    attempt integer,
    created_at integer not null,
    visible_at integer not null,
    expires_at integer,
    state text not null default 'waiting',
    taken integer not null default 0,
    snoozes integer not null default 0,
    handler_job integer,
    closed_at integer,
    answer text,
    thread text,
    delivery text,
    check (state in ('waiting', 'acknowledged', 'expired')),
    check ((state = 'waiting') = (closed_at is null))
);

create index thoughts_waiting on thoughts (agent, visible_at) where state = 'waiting';
create index thoughts_expiring on thoughts (expires_at)
    where state = 'waiting' and expires_at is not null;
create index thoughts_closed on thoughts (closed_at) where closed_at is not null;
create index thoughts_of_job on thoughts (job_id) where job_id is not null;

-- The task that works on the thoughts of an agent, if there is one.
create table handlers (
    agent text primary key,
    task text not null
) without rowid;

-- What work may use up: money in millionths of a dollar, time in microseconds.
create table budgets (
    scope text not null,
    name text not null,
    tokens integer,
    usd integer,
    seconds integer,
    tool_calls integer,
    per integer,
    on_breach text not null,
    reserve text,
    primary key (scope, name),
    check (scope in ('all', 'agent', 'tenant')),
    check (on_breach in ('defer', 'stop', 'ask'))
) without rowid;

-- What was used up, of each budget and span of time.
create table spending (
    key text not null,
    since integer not null,
    tokens integer not null default 0,
    usd integer not null default 0,
    seconds integer not null default 0,
    tool_calls integer not null default 0,
    runs integer not null default 0,
    at integer not null,
    primary key (key, since)
) without rowid;

create index spending_at on spending (at);

-- What runs may still use up. It counts while that attempt runs.
create table reservations (
    job_id integer not null,
    attempt integer not null,
    key text not null,
    since integer not null,
    tokens integer not null,
    usd integer not null,
    seconds integer not null,
    tool_calls integer not null,
    primary key (job_id, attempt, key)
) without rowid;

create index reservations_of on reservations (key, since);

-- How much may be stored and unfinished, and how often a goal may be moved to later.
create table quotas (
    scope text not null,
    name text not null,
    active integer,
    cron integer,
    memory integer,
    deferrals integer,
    primary key (scope, name),
    check (scope in ('agent', 'tenant'))
) without rowid;

-- Readers of the events, and what they tell -------------------------------------------------------

-- How far a reader of the event stream has come; what follows from it is stored with the move.
create table readers (
    name text primary key,
    seq integer not null,
    state text
) without rowid;

-- Messages to be sent. A message that was tried has its next try in the future.
create table deliveries (
    id integer primary key,
    key text not null unique,
    target text not null,
    kind text not null,
    subject text not null,
    body text not null,
    created_at integer not null,
    state text not null,
    attempt integer not null default 0,
    next_at integer not null,
    finished_at integer,
    error text,
    check (state in ('waiting', 'sent', 'failed')),
    check ((state = 'waiting') = (finished_at is null))
);

create index deliveries_due on deliveries (next_at) where state = 'waiting';
create index deliveries_finished on deliveries (finished_at) where finished_at is not null;

create table alerts (
    id integer primary key,
    rule text not null,
    subject text not null,
    severity text not null,
    message text not null,
    value real,
    threshold real,
    state text not null,
    seen integer not null,
    fired_at integer not null,
    seen_at integer not null,
    acknowledged_at integer,
    acknowledged_by text,
    resolved_at integer,
    check (state in ('firing', 'acknowledged', 'resolved')),
    check ((state = 'resolved') = (resolved_at is not null))
);

create unique index alerts_open on alerts (rule, subject) where resolved_at is null;
create index alerts_resolved on alerts (resolved_at) where resolved_at is not null;

create table dumps (
    dump_id text primary key,
    at integer not null,
    tool text not null,
    severity text not null,
    triggered_by text not null,
    body text not null
);

create index dumps_at on dumps (at);

-- What a list tells of a dump, apart from its calls: a body may have millions of characters.
create table dump_heads (
    dump_id text primary key,
    head text not null
) without rowid;

-- Training ----------------------------------------------------------------------------------------

-- Models of tenants. What versions are judged on is frozen; versions never change, aliases move.
create table models (
    id integer primary key,
    tenant text not null,
    name text not null,
    golden text,
    created_at integer not null
);

create unique index models_name on models (tenant, name);

create table model_versions (
    id integer primary key,
    model_id integer not null,
    number integer not null,
    digest text not null,
    size integer not null,
    metrics text not null,
    metadata text not null,
    cycle_id integer,
    created_at integer not null,
    dropped_at integer
);

create unique index model_versions_number on model_versions (model_id, number);
create unique index model_versions_cycle on model_versions (cycle_id) where cycle_id is not null;
create index model_versions_digest on model_versions (digest);

create table model_aliases (
    model_id integer not null,
    alias text not null,
    version_id integer not null,
    moved_at integer not null,
    primary key (model_id, alias),
    check (alias in ('champion', 'challenger', 'previous'))
) without rowid;

-- Each change of a champion; a cycle makes one at most.
create table model_moves (
    id integer primary key,
    model_id integer not null,
    at integer not null,
    kind text not null,
    from_id integer,
    to_id integer not null,
    cycle_id integer,
    by_whom text not null,
    reason text not null,
    check (kind in ('promoted', 'rolled_back', 'restored'))
);

create unique index model_moves_cycle on model_moves (cycle_id) where cycle_id is not null;
create index model_moves_model on model_moves (model_id, id);

-- Bytes that are small enough to live here; larger ones are files named by their digest.
create table artefacts (
    digest text primary key,
    body blob not null
) without rowid;

create table cycles (
    id integer primary key,
    model_id integer not null,
    job_id integer not null unique,
    attempt integer not null,
    schedule_id integer,
    forced integer not null,
    correlation text not null,
    state text not null,
    step text,
    started_at integer not null,
    finished_at integer,
    code text,
    reason text,
    version_id integer,
    report text,
    pardoned integer not null default 0,
    check (state in ('running', 'done', 'promoted', 'kept', 'refused', 'skipped', 'failed')),
    check ((state = 'running') = (finished_at is null))
);

create index cycles_model on cycles (model_id, id);
create index cycles_schedule on cycles (schedule_id, id) where schedule_id is not null;
create index cycles_running on cycles (id) where state = 'running';

create table cycle_steps (
    cycle_id integer not null,
    step text not null,
    attempt integer not null,
    at integer not null,
    data text not null,
    primary key (cycle_id, step)
) without rowid;

create table feedback (
    id integer primary key,
    version_id integer not null,
    at integer not null,
    score real not null
);

create index feedback_version on feedback (version_id, id);

-- Optimizer ---------------------------------------------------------------------------------------

-- What the optimizer made of routines: a script, its tests, the verdict on it, and what it did.
create table automations (
    automation_id text primary key,
    pattern_id text not null,
    task_type text not null,
    template text not null,
    language text not null,
    level text not null,
    script text not null,
    parameters text not null,
    cases text not null,
    counters text not null,
    subject text not null,
    verdict text,
    by_hand_ms real not null,
    state text not null,
    runs integer not null,
    successes integer not null,
    saved_ms real not null,
    created_at integer not null,
    changed_at integer not null,
    deployed_at integer,
    version integer not null,
    check (state in ('draft', 'deployed', 'retired')),
    check ((state = 'deployed') = (deployed_at is not null)),
    check (successes <= runs)
);

-- Two ways to do the same, compared run by run; the state is what the test has summed up.
create table trials (
    trial_id text primary key,
    subject text not null,
    control text not null,
    candidate text not null,
    state text not null,
    pairs integer not null,
    outcome text,
    started_at integer not null,
    ended_at integer,
    version integer not null,
    check ((outcome is null) = (ended_at is null))
);

-- Memory ------------------------------------------------------------------------------------------

-- What is searched: artefacts that were stored, and what the index says of schedules and tasks.
-- `source` names the row an artefact was derived from; it is null for what was stored as such.
create table artifacts (
    id integer primary key,
    key text not null unique,
    type text not null,
    name text not null,
    folded text not null,
    description text not null,
    content text not null,
    tags text not null,
    metadata text,
    source text,
    created_at integer not null,
    updated_at integer not null
);

create index artifacts_folded on artifacts (folded);
create index artifacts_source on artifacts (source) where source is not null;

create table artifact_tags (
    tag text not null,
    artifact integer not null,
    primary key (tag, artifact)
) without rowid;

create table artifact_vectors (
    artifact integer not null,
    model text not null,
    vector blob not null,
    primary key (artifact, model)
);

-- sqlite only
create virtual table artifact_words using fts5 (
    name, words, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2'
);

-- postgres only
create table artifact_words (
    id integer primary key,
    words tsvector not null
);

create index artifact_words_words on artifact_words using gin (words);

-- both

-- What the graph cannot derive from jobs, schedules and events.
create table nodes (
    id text primary key,
    type text not null,
    metadata text,
    at integer not null
) without rowid;

create table edges (
    src text not null,
    type text not null,
    dst text not null,
    metadata text,
    at integer not null,
    primary key (src, type, dst)
) without rowid;

create index edges_back on edges (dst, type, src);

-- Access, and long actions ------------------------------------------------------------------------

create table tokens (
    id integer primary key autoincrement,
    digest text not null unique,
    name text not null,
    scope text not null,
    tenant text,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    check (scope in ('read', 'submit', 'operate', 'admin'))
);

-- The first answers to requests with an idempotency key.
create table replies (
    key text primary key,
    fingerprint text not null,
    created_at integer not null,
    status integer,
    headers text,
    body text
) without rowid;

create index replies_created on replies (created_at);

-- Long actions. One that was killed goes on from its place.
-- request: what it was told
-- owner: the process that does it: its host, number and start
create table operations (
    id integer primary key autoincrement,
    kind text not null,
    state text not null,
    made_by text not null,
    tenant text,
    total integer not null,
    done integer not null default 0,
    failed integer not null default 0,
    created_at integer not null,
    finished_at integer,
    result text,
    request text,
    place integer not null default 0,
    owner text,
    check (state in ('running', 'succeeded', 'failed')),
    check ((state = 'running') = (finished_at is null))
);

create index operations_finished on operations (finished_at) where finished_at is not null;
create index operations_unfinished on operations (id) where finished_at is null;

-- Jobs written down beforehand. A change is a new version; those before it stay as they were.
create table templates (
    name text not null,
    version integer not null,
    task text not null,
    description text,
    body text not null,
    created_at integer not null,
    created_by text not null,
    retired_at integer,
    primary key (name, version),
    check (version > 0)
) without rowid;

-- What was brought here from another database, by the numbers that it had there: brought again, it
-- is known, also when it is long done and forgotten.
create table imported (
    origin integer not null,
    kind text not null,
    was integer not null,
    became integer not null,
    at integer not null,
    primary key (origin, kind, was)
) without rowid;
