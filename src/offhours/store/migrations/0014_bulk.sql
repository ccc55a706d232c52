-- What a long action was told, and how far it is: one that was killed goes on from there.
alter table operations add column request text;
alter table operations add column place integer not null default 0;

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
