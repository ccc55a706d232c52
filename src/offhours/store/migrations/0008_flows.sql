-- Which job, if any, submitted it while it ran.
alter table jobs add column parent_id integer;
create index jobs_of_parent on jobs (parent_id) where parent_id is not null;

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

-- Held jobs that go on by themselves at a time.
create index jobs_awaiting on jobs (run_at)
    where state = 'held' and code in ('signal', 'approval');

-- Idempotency keys: each has made one job, of which only the number need be left.
create table once (
    key text primary key,
    job_id integer not null,
    digest text not null,
    at integer not null
) without rowid;

create index once_at on once (at);

-- What somebody did by hand. Rows are only ever added, and outlive the events.
create table audit (
    id integer primary key,
    at integer not null,
    actor text not null,
    action text not null,
    job_id integer,
    was text,
    became text
);
