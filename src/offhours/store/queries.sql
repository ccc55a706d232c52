-- Each statement has a name and is written once. Parameters are bound in the order in which they
-- first appear. Batches travel as one JSON parameter, and come back as one JSON value: a statement
-- is then one step of the database, however many jobs it moves.

-- name: insert_job
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, created_at, ready, line)
values (:task, :args, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
        :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant, :now,
        :ready, {line})
{numbered}

-- name: insert_alike
-- Jobs of one call to submit: they differ in their arguments only.
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, created_at, ready, line)
select :task, batch.value, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
       :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant, :now,
       :ready, {line}
from ({texts :args}) as batch
{numbered}

-- name: insert_untold
-- Inside the transaction of somebody else, who may commit before or after others.
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, created_at, ready, line, told)
values (:task, :args, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
        :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant, :now,
        0, {line}, 0)
on conflict (unique_key) where unique_key is not null and finished_at is null do nothing
{numbered}

-- name: insert_submitted
insert into events (at, kind, job_id, attempt) values (:now, 'job.submitted', :id, 0)

-- name: insert_submitted_range
insert into events (at, kind, job_id, attempt)
select created_at, 'job.submitted', id, 0 from jobs where id between :first and :last and told = 1
order by id

-- name: insert_event
insert into events (at, kind, job_id, attempt, data) values (:at, :kind, :job_id, :attempt, :data)

-- name: unfinished_unique
select id from jobs where unique_key = :unique_key and finished_at is null

-- name: count_pending
select count(*) from (
    select 1 from jobs where ready = 1
    union all select 1 from jobs where state = 'pending' and ready = 0
    limit :most) as pending

-- name: lowest_pending
select {job} from jobs where ready = 1
order by priority desc, queue desc, line desc, id desc limit 1

-- name: round
select (select count(*) from workers where id = :worker),
       (select min(run_at) from jobs where state = 'pending' and ready = 0),
       (select value from meta where key = 'background.started'),
       (select case when :counting = 1 then
           (select count(*) from jobs where worker is not null and priority >= :background) else 0 end),
       (select priority || {unit} || queue || {unit} || line from jobs where ready = 1
        order by priority, queue, line, id limit 1),
       (select priority || {unit} || queue || {unit} || line from jobs where ready = 1
        order by priority desc, queue desc, line desc, id desc limit 1),
       (select min(due_at) from schedules where due_at is not null),
       exists (select 1 from foreground),
       exists (select 1 from limits)

-- name: next_due
select min(run_at) from jobs where state = 'pending' and ready = 0

-- name: promote_due
update jobs set ready = 1 where state = 'pending' and ready = 0 and run_at <= :now

-- name: lines
-- Where each line of ready jobs begins, by leaps from one to the next in the index: what lies in
-- between is not read. Of a queue that is not wanted only the first one. (SQLite seeks by a bare
-- column of another row only in part, and then reads on: hence the terms.)
with recursive heads (id, number) as (
    select (select id from jobs
            where ready = 1 and (priority, queue, line) > (:priority, :queue, {past :line})
              and priority < :ceiling
            order by priority, queue, line, id limit 1), 1
    union all
    select case
        when (:queues is null or {names :queues head.queue}) and not {names :shut head.queue} then (
            select id from jobs
            where ready = 1 and (priority, queue, line) > (head.priority + 0, head.queue || '', {past head.line})
              and priority < :ceiling
            order by priority, queue, line, id limit 1)
        else (
            select id from jobs
            where ready = 1 and (priority, queue) > (head.priority + 0, {past head.queue})
              and priority < :ceiling
            order by priority, queue, line, id limit 1)
        end, number + 1
    from heads join jobs as head on head.id = heads.id
    where number < :most)
select head.priority, head.queue, head.line
from heads join jobs as head on head.id = heads.id order by number

-- name: select_claim
-- By a range of one line: by its equality PostgreSQL may read the whole table in order of the key.
select {list {array {claimed}}} from (
    select * from jobs
    where ready = 1 and priority = :priority and queue = :queue and line >= :line and line <= :line
      and {names :tasks task} and (expires_at is null or expires_at > :now)
    order by line, id limit :slots) as ready_jobs

-- name: claim
update jobs set state = 'running', ready = 0, attempt = attempt + 1, worker = :worker,
                begun = {int claimed 2}, started_at = :now, code = null, reason = null
from {rows :batch} as claimed
where jobs.id = {int claimed 0}

-- name: mark_begun
update jobs set begun = 1, started_at = :now
where worker = :worker and id in ({ints :ids})

-- name: tell_claim
insert into events (at, kind, job_id, attempt, data)
select :now, 'job.started', {int claimed 0}, {int claimed 1}, :data from {rows :batch} as claimed

-- name: remember
insert into meta (key, value) values (:key, :value)
on conflict (key) do update set value = excluded.value

-- name: move
update jobs set state = :to, ready = {ready}, worker = null, begun = 0,
                finished_at = case when :final = 1 then :now end{assignments}
from {rows :batch} as moves
where jobs.id = {int moves 0} and jobs.attempt = {int moves 1} and jobs.state = :was

-- name: movable
select {list jobs.id} from jobs, {rows :batch} as moves
where jobs.id = {int moves 0} and jobs.attempt = {int moves 1} and jobs.state = :was

-- name: asked_to_stop
select {list id} from jobs
where cancel_at is not null and id in ({ints :ids})

-- name: tell_moves
insert into events (at, kind, job_id, attempt, data)
select :now, :kind, {int moves 0}, {int moves 1}, {text moves 2} from {rows :batch} as moves

-- name: ask_cancel
update jobs set cancel_at = :now, reason = :reason
where id = :id and attempt = :attempt and state = 'running' and cancel_at is null

-- name: cancel_marks
select {list id} from jobs where worker = :worker and cancel_at is not null

-- name: save_progress
update jobs set progress = :progress where id = :id and attempt = :attempt and state = 'running'

-- name: job
select {job} from jobs where id = :id

-- name: jobs_down
select {job} from jobs
where (:after = 0 or id < :after) and (:state is null or state = :state)
  and (:task is null or task = :task)
order by id desc limit :limit

-- name: jobs_up
select {job} from jobs
where id > :after and (:state is null or state = :state) and (:task is null or task = :task)
order by id limit :limit

-- name: unfinished_of
select {job} from jobs where worker is not null and worker = :worker order by +id

-- name: of_nobody
-- Sorted by a term and not by the key: else SQLite reads all jobs in order of the key.
select {job} from jobs
where worker is not null and worker not in (select id from workers) order by +id

-- name: strangers
select {job} from (
    select * from jobs where ready = 1 order by priority, queue, line, id limit :limit) as urgent
where owner is null and task not in ({texts :known})

-- name: parked
select {job} from jobs
where state = 'held' and reason = 'no handler' and task in ({texts :known})
limit :limit

-- name: expired
select {job} from jobs
where expires_at is not null and expires_at <= :now and state in ('pending', 'held')
order by expires_at limit :limit

-- name: owned
select {job} from jobs
where owner is not null and finished_at is null and state <> 'running'
limit :limit

-- name: counts
select 'ready', count(*) from jobs where ready = 1
union all select 'later', count(*) from jobs where state = 'pending' and ready = 0
union all select 'running', count(*) from jobs where worker is not null
union all select 'held', count(*) from jobs where state = 'held'
union all select state, count(*) from jobs where finished_at is not null group by state

-- name: facts
select {facts} from jobs where id in ({ints :ids})

-- name: heads
-- As `lines`, and what has become due since a worker last looked.
with recursive found (id, number) as (
    select (select id from jobs where ready = 1 order by priority, queue, line, id limit 1), 1
    union all
    select (select id from jobs
            where ready = 1 and (priority, queue, line)
                > (head.priority + 0, head.queue || '', {past head.line})
            order by priority, queue, line, id limit 1), number + 1
    from found join jobs as head on head.id = found.id
    where number < :most)
select {job} from jobs where id in (select id from found where id is not null)
union all
select {job} from (
    select * from jobs where state = 'pending' and ready = 0 and run_at <= :now
    order by run_at limit 1) as overdue

-- name: events
select seq, at, kind, job_id, attempt, data from events where seq > :after order by seq limit :limit

-- name: events_of
select seq, at, kind, job_id, attempt, data from events
where seq > :after and {names :kinds kind} order by seq limit :limit

-- name: history
select seq, at, kind, job_id, attempt, data from events
where job_id = :id and kind <> 'job.submitted' order by seq

-- name: last_seq
select coalesce(max(seq), 0) from events

-- name: ahead
select count(*) from jobs where ready = 1 and (priority, id) < (:priority, :id)

-- name: background_state
select (select count(*) from jobs where worker is not null and priority >= :background),
       (select value from meta where key = 'background.started'),
       (select count(*) from jobs where worker is not null)

-- name: insert_worker
insert into workers (label, host, pid, pid_started, address, tasks, slots, started_at, beat_at, lease,
                     labels, version, release)
values (:label, :host, :pid, :pid_started, :address, :tasks, :slots, :now, :beat_at, :lease,
        :labels, :version, :release)
{numbered}

-- name: beat
update workers set beat = beat + 1, beat_at = :now, tasks = :tasks, slots = coalesce(:slots, slots)
where id = :id

-- name: bury
delete from workers where id = :id and beat = :beat

-- name: remove_worker
delete from workers where id = :id

-- name: workers
select id, label, host, pid, pid_started, address, tasks, slots, started_at, beat, beat_at, lease,
       labels, version, release
from workers order by id

-- name: limits
select scope, name, concurrency, rate_count, rate_per, next_at, paused_at, reason, declared
from limits order by scope, name

-- name: limit
select scope, name, concurrency, rate_count, rate_per, next_at, paused_at, reason, declared
from limits where scope = :scope and name = :name

-- name: put_limit
insert into limits (scope, name, concurrency, rate_count, rate_per, next_at, paused_at, reason, declared)
values (:scope, :name, :concurrency, :rate_count, :rate_per, :next_at, :paused_at, :reason, :declared)
on conflict (scope, name) do update
set concurrency = excluded.concurrency, rate_count = excluded.rate_count,
    rate_per = excluded.rate_per, next_at = excluded.next_at, paused_at = excluded.paused_at,
    reason = excluded.reason, declared = excluded.declared

-- name: drop_limit
delete from limits where scope = :scope and name = :name

-- name: advance_limit
update limits set next_at = :next_at where scope = :scope and name = :name

-- name: running_of
select task, queue, count(*) from jobs where worker is not null group by task, queue

-- name: enter_foreground
insert into foreground (workflow, holder, since, until, ttl)
values (:workflow, :holder, :now, :until, :ttl)
{numbered}

-- name: renew_foreground
-- An upsert: a lease forgotten while its holder was suspended is there again.
insert into foreground (id, workflow, holder, since, until, ttl)
values (:id, :workflow, :holder, :now, :now + :ttl, :ttl)
on conflict (id) do update set until = excluded.until

-- name: leave_foreground
delete from foreground where id in ({ints :ids})
returning workflow

-- name: foreground
-- A lease that would end much later than its own length from now was written by a clock that was
-- set back since. (Twice its length: a reader may have looked at the clock before the writer did.)
select id, workflow, holder, since, until from foreground
where until > :now and until <= :now + 2 * ttl
order by until

-- name: forget_foreground
delete from foreground where until < :now - 10 * ttl

-- name: prune_jobs
delete from jobs where id in (
    select id from jobs
    where finished_at is not null and state in ('succeeded', 'failed', 'cancelled')
      and finished_at < :before and id < (select max(id) from jobs)
    limit :limit)

-- name: oldest_kept
-- The end time of the newest finished job that is one too many.
select finished_at from (
    select finished_at from jobs
    where finished_at is not null and state in ('succeeded', 'failed', 'cancelled')) as finished
order by finished_at desc limit 1 offset :keep

-- name: prune_events
delete from events where seq <= (
    select max(seq) from (select seq, at from events order by seq limit :limit) as oldest
    where at < :before or seq <= (select max(seq) from events) - :keep)
and seq < (select max(seq) from events)

-- name: insert_schedule
insert into schedules ({new_schedule}, next_at, due_at, created_at, updated_at)
values ({new_schedule_values}, :next_at, :due_at, :now, :now)
{numbered}

-- name: schedule
select {schedule} from schedules where id = :id

-- name: schedule_named
select {schedule} from schedules where name = :name

-- name: schedules
select {schedule} from schedules
where id > :after and (:status is null or status = :status) and (:task is null or task = :task)
order by id limit :limit

-- name: schedules_between
select {schedule} from schedules
where due_at between :first and :last order by due_at, id limit :limit

-- name: schedules_coming
-- Where there is no jitter the due time is the instant, and its index has the order.
select {schedule} from (
    select * from (
        select * from schedules where due_at <= :last and jitter = 0 order by due_at, id limit :limit) as plain
    union all
    select * from (
        select * from schedules where due_at is not null and jitter > 0 and next_at <= :last
        order by next_at, id limit :limit) as jittered) as coming
order by next_at, id limit :limit

-- name: schedules_of
select {schedule} from schedules where task = :task and status = :status limit :limit

-- name: scheduled_tasks
-- Each task once, by jumping from one to the next in the index.
with recursive found (task) as (
    select min(task) from schedules where status = :status
    union all
    select (select min(task) from schedules where task > found.task and status = :status)
    from found where found.task is not null)
select task from found where task is not null

-- name: next_fire
select min(due_at) from schedules where due_at is not null

-- name: due_schedules
select {schedule} from schedules
where due_at <= :now order by due_at, id limit :limit

-- name: advance_schedule
update schedules set next_at = :next_at, due_at = :due_at, status = :status, reason = :reason,
                     runs = :runs, skipped = :skipped, last_at = :last_at, last_job = :last_job,
                     delay_total = :delay_total, delay_most = :delay_most, on_time = :on_time
where id = :id

-- name: unskip
-- One of its skipped fires has its job now.
update schedules set skipped = case when skipped > 0 then skipped - 1 else 0 end where id = :id

-- name: change_schedule
update schedules set {changes}
where id = :id and revision = :expected_revision and next_at is not distinct from :expected_next

-- name: delete_schedule
delete from schedules where id = :id and revision = :revision

-- name: delete_fires
delete from fires where schedule_id = :id

-- name: jobs_of_schedule
select id, state, reason from jobs
where schedule_id = :schedule_id and finished_at is null order by id

-- name: unfinished_of_schedule
select {job} from jobs where schedule_id = :schedule_id and finished_at is null order by id

-- name: insert_fire
insert into fires (schedule_id, instant, job_id, code, reason, at, delay)
values (:schedule_id, :instant, :job_id, :code, :reason, :at, :delay)
on conflict (schedule_id, instant) do update
set job_id = excluded.job_id, code = excluded.code, reason = excluded.reason, at = excluded.at,
    delay = excluded.delay

-- name: fired
select 1 from fires where schedule_id = :schedule_id and instant = :instant
and (job_id is not null or code in ('reported', 'reported_failure'))

-- name: fire_known
select 1 from fires where schedule_id = :schedule_id and instant = :instant

-- name: fires
select schedule_id, instant, job_id, code, reason, at, delay from fires
where schedule_id = :schedule_id and (:before is null or instant < :before)
order by instant desc limit :limit

-- name: fires_between
select schedule_id, instant, job_id, code, reason, at, delay from fires
where instant >= :first and instant < :last order by instant, schedule_id limit :limit

-- name: prune_fires
delete from fires where (schedule_id, instant) in (
    select schedule_id, instant from fires where at < :before order by at limit :limit)

-- name: reading
select name, seq, state from readers where name = :name

-- name: put_reading
insert into readers (name, seq, state) values (:name, :seq, :state)
on conflict (name) do update set seq = excluded.seq, state = excluded.state

-- name: insert_delivery
-- Read twice, a message is stored once.
insert into deliveries (key, target, kind, subject, body, next_at, state, created_at, finished_at)
values (:key, :target, :kind, :subject, :body, :next_at, :state, :now, :finished_at)
on conflict (key) do nothing

-- name: next_delivery
select min(next_at) from deliveries
where state = 'waiting' and (:target is null or target = :target)

-- name: due_deliveries
select {delivery} from deliveries
where state = 'waiting' and next_at <= :now and (:target is null or target = :target)
order by next_at, id limit :limit

-- name: take_deliveries
update deliveries set attempt = attempt + 1, next_at = :until where id in ({ints :ids})

-- name: settle_delivery
update deliveries set state = :state, next_at = :next_at, finished_at = :finished_at, error = :error
where id = :id and attempt = :attempt and state = 'waiting'

-- name: deliveries
select {delivery} from deliveries where (:state is null or state = :state)
order by id desc limit :limit

-- name: prune_deliveries
delete from deliveries where id in (
    select id from deliveries where finished_at is not null and finished_at < :before limit :limit)

-- name: open_alert
select id from alerts where rule = :rule and subject = :subject and resolved_at is null

-- name: insert_alert
insert into alerts (rule, subject, severity, message, value, threshold, state, seen, fired_at, seen_at)
values (:rule, :subject, :severity, :message, :value, :threshold, 'firing', 1, :now, :now)
{numbered}

-- name: see_alert
update alerts set severity = :severity, message = :message, value = :value,
                  threshold = :threshold, seen = seen + 1, seen_at = :now
where id = :id

-- name: acknowledge_alert
update alerts set state = 'acknowledged', acknowledged_at = :now, acknowledged_by = :by
where id = :id and state = 'firing'

-- name: resolve_alert
update alerts set state = 'resolved', resolved_at = :now where id = :id

-- name: alerts
select {alert} from alerts where (:state is null or state = :state) order by id desc limit :limit

-- name: prune_alerts
delete from alerts where id in (
    select id from alerts where resolved_at is not null and resolved_at < :before limit :limit)

-- name: insert_dump
insert into dumps (dump_id, at, tool, severity, triggered_by, body)
values (:dump_id, :at, :tool, :severity, :triggered_by, :body)
on conflict (dump_id) do nothing

-- name: prune_dumps
delete from dumps where dump_id in (
    select dump_id from dumps order by at desc, dump_id limit 1000000 offset :keep)

-- name: dumps
select dump_id, at, tool, severity, triggered_by, body from dumps
where (:before is null or at < :before) order by at desc, dump_id limit :limit

-- name: dump
select dump_id, at, tool, severity, triggered_by, body from dumps where dump_id = :dump_id
