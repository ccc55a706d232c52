-- Whose job it is. Lines of one priority take turns: those of tenants, and those of limited tasks.
alter table jobs add column tenant text;
alter table jobs add column line text not null default '';

drop index jobs_ready;
create index jobs_ready on jobs (priority, queue, line, id) where ready = 1;

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

alter table workers add column labels text not null default '[]';
alter table workers add column version text not null default '';
alter table workers add column release text;
