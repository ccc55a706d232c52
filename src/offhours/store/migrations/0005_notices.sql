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
