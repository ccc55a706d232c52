-- 0: submitted inside the transaction of somebody else, its event is still to be told.
alter table jobs add column told integer not null default 1;
create index jobs_untold on jobs (id) where told = 0;
