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
