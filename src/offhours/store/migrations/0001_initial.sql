-- Ids grow for ever without AUTOINCREMENT because pruning never deletes the newest row.
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
    check (state in ('pending', 'held', 'running', 'succeeded', 'failed', 'cancelled')),
    check ((state = 'running') = (worker is not null)),
    check ((state in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)),
    check (ready in (0, 1) and (ready = 0 or state = 'pending'))
);

-- Small and partial: a job pays only for the index of the state that it is in.
create index jobs_ready on jobs (priority, id) where ready = 1;
create index jobs_due on jobs (run_at) where state = 'pending' and ready = 0;
create index jobs_running on jobs (priority, worker) where worker is not null;
create index jobs_held on jobs (task) where state = 'held';
create index jobs_finished on jobs (state, finished_at) where finished_at is not null;
create unique index jobs_unique on jobs (unique_key)
    where unique_key is not null and finished_at is null;
create index jobs_owned on jobs (owner) where owner is not null and finished_at is null;

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
    lease integer not null
);

create table foreground (
    id integer primary key autoincrement,
    workflow text not null,
    holder text not null,
    since integer not null,
    until integer not null,
    ttl integer not null
);

create table meta (
    key text primary key,
    value integer not null
) without rowid;
