-- A goal is a schedule (of one instant, or of many) in the name of an agent, and what it is for.
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
    cancelled_at integer
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
create index events_deferred on events (at) where kind = 'job.deferred';
create index jobs_deferred on jobs (deferrals) where deferrals > 0;

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

create index jobs_of_tenant on jobs (tenant) where tenant is not null and finished_at is null;
