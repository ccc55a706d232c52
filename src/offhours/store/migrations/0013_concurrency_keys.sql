-- Jobs of one concurrency key: so many of them run at once. The line of a job has both, too.
alter table jobs add column concurrency_key text;
alter table jobs add column per_key integer;

create index jobs_of_key on jobs (concurrency_key, worker)
    where concurrency_key is not null and finished_at is null;
