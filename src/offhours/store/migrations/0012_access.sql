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
    check (state in ('running', 'succeeded', 'failed')),
    check ((state = 'running') = (finished_at is null))
);

create index operations_finished on operations (finished_at) where finished_at is not null;
