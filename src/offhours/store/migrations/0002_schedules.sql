alter table jobs add column expires_at integer;
alter table jobs add column schedule_id integer;
alter table jobs add column fire_at integer;

create index jobs_expiring on jobs (expires_at)
    where expires_at is not null and state in ('pending', 'held');
create index jobs_of_schedule on jobs (schedule_id)
    where schedule_id is not null and finished_at is null;

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
