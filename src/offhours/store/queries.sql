-- Each statement has a name and is written once. Parameters are bound in the order in which they
-- first appear. Batches travel as one JSON parameter, and come back as one JSON value: a statement
-- is then one step of the database, however many jobs it moves.

-- name: insert_job
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, parent_id, concurrency_key, per_key, created_at, ready, line)
values (:task, :args, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
        :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant,
        :parent_id, :concurrency_key, :per_key, :now, :ready, {line})
{numbered}

-- name: insert_alike
-- Jobs of one call to submit: they differ in their arguments only.
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, parent_id, concurrency_key, per_key, created_at, ready, line)
select :task, batch.value, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
       :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant,
       :parent_id, :concurrency_key, :per_key, :now, :ready, {line}
from ({texts :args}) as batch
{numbered}

-- name: insert_untold
-- Inside the transaction of somebody else, who may commit before or after others.
insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, name, metadata,
                  unique_key, on_lost, owner, retry_of, expires_at, schedule_id, fire_at,
                  tenant, parent_id, concurrency_key, per_key, created_at, ready, line, told)
values (:task, :args, :priority, :run_at, :max_attempts, :queue, :timeout, :name, :metadata,
        :unique_key, :on_lost, :owner, :retry_of, :expires_at, :schedule_id, :fire_at, :tenant,
        :parent_id, :concurrency_key, :per_key, :now, 0, {line}, 0)
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
select id from jobs where unique_key in (:unique_key, :after) and finished_at is null
order by id desc limit 1

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
       exists (select 1 from limits) or exists (
           select 1 from jobs where concurrency_key is not null and finished_at is null)

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

-- name: running_of_key
select concurrency_key, count(*) from jobs
where worker is not null and concurrency_key is not null and finished_at is null
group by concurrency_key

-- name: running_of_one_key
select count(*) from jobs
where concurrency_key = :key and worker is not null and finished_at is null

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
      and not exists (  -- else there would be no result for who waits for it
        select 1 from dependencies join jobs as behind on behind.id = dependencies.downstream
        where dependencies.upstream = jobs.id and behind.finished_at is null)
    limit :limit)
returning id

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

-- name: alert_words
select severity, message from alerts where id = :id

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

-- name: insert_dump_head
insert into dump_heads (dump_id, head) values (:dump_id, :head)

-- name: prune_dump_heads
delete from dump_heads where dump_id not in (select dump_id from dumps)

-- name: insert_dump
insert into dumps (dump_id, at, tool, severity, triggered_by, body)
values (:dump_id, :at, :tool, :severity, :triggered_by, :body)
on conflict (dump_id) do nothing

-- name: prune_dumps
delete from dumps where dump_id in (
    select dump_id from dumps order by at desc, dump_id limit 1000000 offset :keep)

-- name: dumps
-- The body stands last in a row: what is before it is read without it.
select d.dump_id, at, tool, severity, triggered_by, head
from dumps d join dump_heads h on h.dump_id = d.dump_id
where (:before is null or at < :before) order by at desc, d.dump_id limit :limit

-- name: dump
select d.dump_id, at, tool, severity, triggered_by, body, head
from dumps d join dump_heads h on h.dump_id = d.dump_id where d.dump_id = :dump_id

-- name: put_artifact
insert into artifacts (key, type, name, folded, description, content, tags, metadata, source,
                       created_at, updated_at)
values (:key, :type, :name, :folded, :description, :content, :tags, :metadata, :source, :now, :now)
on conflict (key) do update
set type = excluded.type, name = excluded.name, folded = excluded.folded,
    description = excluded.description, content = excluded.content, tags = excluded.tags,
    metadata = excluded.metadata, source = excluded.source, updated_at = excluded.updated_at
returning id

-- name: delete_artifacts
delete from artifacts where key in ({texts :keys})
returning id

-- name: forget_tags
delete from artifact_tags where artifact in ({ints :ids})

-- name: forget_words
delete from artifact_words where {word_id} in ({ints :ids})

-- name: forget_vectors
delete from artifact_vectors where artifact in ({ints :ids})

-- name: put_tag
insert into artifact_tags (tag, artifact) values (:tag, :id) on conflict (tag, artifact) do nothing

-- name: put_words
insert into artifact_words {word_row}

-- name: touch_artifacts
insert into meta (key, value) values ('artifacts', 1)
on conflict (key) do update set value = meta.value + 1

-- name: artifacts_version
select coalesce(max(value), 0) from meta where key = 'artifacts'

-- name: artifact
select {artifact} from artifacts where key = :key

-- name: artifacts_of
select {artifact} from artifacts where id in ({ints :ids})

-- name: artifact_keys
select key from artifacts where source = :source

-- name: artifacts_named
select {artifact} from artifacts
where (folded = :folded or key = :text) and {wanted}
order by case when name = :text then 0 else 1 end,
         case when source = 'task' then 1 else 0 end, id desc limit :limit

-- name: artifacts_with
select {artifact}, score from artifacts join (
    select {word_id} as number, {fit :query} as score from artifact_words where {found :query}
) as hits on artifacts.id = hits.number
where {wanted} order by score desc, number limit :limit

-- name: artifacts_tagged
select {artifact} from artifacts where {wanted} order by id desc limit :limit

-- name: artifact_ids
select id from artifacts where {wanted}

-- name: unembedded
select {artifact} from artifacts
where not exists (
    select 1 from artifact_vectors where artifact = artifacts.id and model = :model)
order by id limit :limit

-- name: put_vector
insert into artifact_vectors (artifact, model, vector) values (:id, :model, :vector)
on conflict (artifact, model) do update set vector = excluded.vector

-- name: vectors
select artifact, vector from artifact_vectors where model = :model order by artifact

-- name: jobs_with
-- Jobs have no index of words: it would cost each submit more than all the rest.
select {job} from (select * from jobs order by id desc limit :within) as newest
where not exists (select 1 from ({texts :words}) as word where {place word.value lower(
    coalesce(name, '') || ' ' || task || ' ' || args || ' ' || coalesce(metadata, '') || ' '
    || coalesce(error, '') || ' ' || coalesce(reason, ''))} = 0)
order by id desc limit :limit

-- name: put_node
insert into nodes (id, type, metadata, at) values (:id, :type, :metadata, :at)
on conflict (id) do update set type = excluded.type, metadata = excluded.metadata

-- name: put_edge
insert into edges (src, type, dst, metadata, at) values (:src, :type, :dst, :metadata, :at)
on conflict (src, type, dst) do update set metadata = excluded.metadata

-- name: delete_node
delete from nodes where id = :id

-- name: delete_edges
delete from edges where src = :id or dst = :id

-- name: node
select id, type, metadata, at from nodes where id = :id

-- name: nodes
select id, type, metadata, at from nodes where id > :after order by id limit :limit

-- name: edges_from
select src, type, dst, metadata, at from edges
where src = :id and (:type is null or type = :type) order by type, dst limit :limit

-- name: edges_to
select src, type, dst, metadata, at from edges
where dst = :id and (:type is null or type = :type) order by type, src limit :limit

-- name: edges_after
select src, type, dst, metadata, at from edges
where (src, type, dst) > (:src, :type, :dst)
order by src, type, dst limit :limit

-- name: retries
select id from jobs where retry_of = :id order by id desc limit :limit

-- name: downstream
select downstream from dependencies where upstream = :id order by downstream desc limit :limit

-- name: jobs_of_thought
select id from jobs where {thought :thought} order by id desc limit :limit

-- name: schedules_of_thought
select id from schedules where {thought :thought} order by id desc limit :limit

-- name: event
select seq, at, kind, job_id, attempt, data from events where seq = :seq

-- name: insert_flow
insert into flows (name, created_at) values (:name, :now) {numbered}

-- name: insert_member
insert into members (job_id, flow_id, step) values (:job_id, :flow_id, :step)

-- name: copy_member
insert into members (job_id, flow_id, step)
select :new, flow_id, step from members where job_id = :old

-- name: insert_edges
-- An upstream that is gone was finished long ago: it had succeeded, or nobody could tell.
insert into dependencies (upstream, downstream, if_failed, outcome)
select {int edges 0}, {int edges 1}, {text edges 2},
       case when jobs.id is null then 'succeeded'
            when jobs.state = 'cancelled'
             and jobs.reason = 'nothing failed that it is there for' then 'idle'
            when jobs.finished_at is not null then jobs.state end
from {rows :batch} as edges left join jobs on jobs.id = {int edges 0}
where true
on conflict (upstream, downstream) do nothing

-- name: end_edges
-- Only of those that wait: a job that was done again has left its old edges behind.
update dependencies set outcome = {text ended 1}
from {rows :batch} as ended
where upstream = {int ended 0} and outcome is null
returning downstream

-- name: settle_edges
-- Of jobs that were brought from elsewhere: what they wait for may have ended here, or be gone.
update dependencies set outcome = coalesce((
    select case when jobs.state = 'cancelled'
                 and jobs.reason = 'nothing failed that it is there for' then 'idle'
                else jobs.state end
    from jobs where jobs.id = dependencies.upstream), 'succeeded')
where downstream in ({ints :ids}) and outcome is null
  and not exists (
        select 1 from jobs where jobs.id = dependencies.upstream and finished_at is null)

-- name: held_for_others
select {job} from jobs
where id in ({ints :ids}) and state = 'held' and reason = 'it waits for other jobs'

-- name: edges_that_matter
select upstream, downstream, if_failed, outcome from dependencies
where downstream in ({ints :ids}) and outcome is not null
  and (outcome <> 'succeeded' or if_failed = 'catch')
union all
select min(upstream), downstream, 'cancel', null from dependencies
where downstream in ({ints :ids}) and outcome is null group by downstream

-- name: upstream
select upstream, downstream, if_failed, outcome from dependencies
where downstream = :job_id order by upstream

-- name: upstream_left
-- What a job waits for that has not succeeded: number, state, policy.
select dependencies.upstream, jobs.state, dependencies.if_failed
from dependencies join jobs on jobs.id = dependencies.upstream
where dependencies.downstream = :job_id and jobs.state <> 'succeeded'
order by dependencies.upstream

-- name: upstream_results
select jobs.id, members.step, jobs.result
from dependencies join jobs on jobs.id = dependencies.upstream
     left join members on members.job_id = jobs.id
where dependencies.downstream = :job_id order by jobs.id

-- name: flow
select id, name, created_at from flows where id = :id

-- name: flow_of
select flow_id, step from members where job_id = :job_id

-- name: flows
select id, name, created_at from flows
where (:before is null or id < :before) order by id desc limit :limit

-- name: members
select members.flow_id, jobs.id, members.step, jobs.task, jobs.state, jobs.run_at,
       jobs.started_at, jobs.finished_at, jobs.reason, jobs.progress
from members join jobs on jobs.id = members.job_id
where members.flow_id = :flow_id order by jobs.id

-- name: flow_edges
select upstream, downstream, if_failed, outcome
from members join dependencies on dependencies.downstream = members.job_id
where members.flow_id = :flow_id order by downstream, upstream

-- name: children
select id from jobs where parent_id is not null and parent_id = :job_id order by id

-- name: family
-- All jobs that do the same: those that this one has done again, and those that did so after them.
with recursive before (id, retry_of) as (
    select id, retry_of from jobs where id = :job_id
    union
    select jobs.id, jobs.retry_of from jobs join before on jobs.id = before.retry_of),
again (id) as (
    select id from before
    union
    select jobs.id from jobs join again on jobs.retry_of = again.id)
select {list id} from again

-- name: hand_on_edges
-- Only of those that still wait: they wait for the new job now.
update dependencies set upstream = :new, outcome = null
where upstream in ({ints :family})
  and not exists (  -- that waits for two of them: it keeps the older one
        select 1 from dependencies as other
        where other.downstream = dependencies.downstream
          and other.upstream > dependencies.upstream and other.upstream in ({ints :family}))
  and downstream in (select id from jobs where state = 'held' and reason = 'it waits for other jobs')

-- name: steps
select name, result, until, awaits from steps where job_id = :job_id order by seq

-- name: put_step
insert into steps (job_id, name, result, until, awaits, at, seq)
select :job_id, :name, :result, :until, :awaits, :now,
       (select coalesce(max(seq), -1) + 1 from steps where job_id = :job_id)
from jobs where id = :job_id and attempt = :attempt and state = 'running'
on conflict (job_id, name) do update set
    result = excluded.result, until = excluded.until, at = excluded.at

-- name: copy_steps
insert into steps (job_id, name, result, until, awaits, at, seq)
select :new, name, result, until, awaits, at, seq from steps as done
where job_id = :old and result is not null
  and (:before is null
       or seq < (select seq from steps where job_id = :old and name = :before))

-- name: insert_signal
insert into signals (job_id, name, payload, at) values (:job_id, :name, :payload, :now)

-- name: first_signal
select id, payload from signals where job_id = :job_id and name = :name order by id limit 1

-- name: take_signal
delete from signals where id = :id

-- name: has_come
-- A held job whose signal is there, or whose question was decided: what it waits for now, for it
-- may have waited for others before, and gone on without them.
select {job} from jobs
where id = :job_id and state = 'held'
  and (code = 'signal' and exists (
        select 1 from steps join signals
            on signals.job_id = steps.job_id and signals.name = steps.awaits
        where steps.job_id = :job_id and steps.result is null
          and jobs.reason = 'it waits for the signal ' || steps.awaits)
    or code = 'approval' and exists (
        select 1 from steps join approvals
            on approvals.job_id = steps.job_id and approvals.step = steps.name
        where steps.job_id = :job_id and steps.result is null
          and jobs.reason = 'it waits for an approval: ' || substr(steps.name, 10)
          and approvals.state in ('approved', 'denied')))

-- name: awaiting
select {job} from jobs
where state = 'held' and code in ('signal', 'approval') and run_at <= :now
order by run_at limit :limit

-- name: void_approvals
update approvals set state = 'void', decided_at = coalesce(decided_at, :now)
where job_id = :job_id and step = :step and state <> 'void'

-- name: insert_approval
insert into approvals (job_id, step, question, args, digest, asked_at, until)
values (:job_id, :step, :question, :args, :digest, :asked_at, :until)
{numbered}

-- name: decide_approval
update approvals set state = :state, decided_at = :now, decided_by = :by, note = :note
where id = :id and digest = :digest and state = 'waiting'
  and exists (select 1 from jobs where jobs.id = approvals.job_id and finished_at is null)

-- name: count_waiting
select count(*) from approvals where state = 'waiting'

-- name: approval
select {approval} from approvals where id = :id

-- name: approval_of
select {approval} from approvals where job_id = :job_id and step = :step
order by id desc limit 1

-- name: approvals
-- No one waits for the answer to a job that has ended.
select {approval} from approvals
where :state is null or state = :state and (state <> 'waiting' or exists (
    select 1 from jobs where jobs.id = approvals.job_id and finished_at is null))
order by id desc limit :limit

-- name: forget_members
delete from members where job_id in ({ints :ids}) returning flow_id

-- name: forget_flows
-- Those of which no step is left.
delete from flows where id in ({ints :ids})
  and not exists (select 1 from members where members.flow_id = flows.id)

-- name: forget_dependencies
delete from dependencies where downstream in ({ints :ids})

-- name: forget_steps
delete from steps where job_id in ({ints :ids})

-- name: forget_signals
delete from signals where job_id in ({ints :ids})

-- name: forget_approvals
delete from approvals where job_id in ({ints :ids})

-- name: holders
-- The unfinished jobs of a key, and of the key behind it, by number; what has recorded steps has
-- begun, though it may not run now.
select id, state = 'running' or exists (select 1 from steps where job_id = jobs.id), unique_key
from jobs
where unique_key in (:key, :after) and finished_at is null order by id

-- name: replace_job
-- Only its number, by which it is in line, and what it was made by stay. A job that sleeps or is held stays so.
update jobs set task = :task, args = :args, priority = :priority, max_attempts = :max_attempts,
                queue = :queue, tenant = :tenant, concurrency_key = :concurrency_key,
                per_key = :per_key, line = {line},
                timeout = :timeout, name = :name, metadata = :metadata, expires_at = :expires_at,
                on_lost = :on_lost,
                run_at = case when :again = 1 and state = 'pending' then :run_at else run_at end,
                ready = case when :again = 1 and state = 'pending' then :ready else ready end
where id = :id and state in ('pending', 'held')

-- name: once
-- One whose job is gone stands for nothing any more.
select job_id, digest from once
where key = :key and exists (select 1 from jobs where jobs.id = once.job_id)

-- name: remember_once
insert into once (key, job_id, digest, at) values (:key, :job_id, :digest, :now)
on conflict (key) do update
set job_id = excluded.job_id, digest = excluded.digest, at = excluded.at

-- name: prune_once
delete from once where key in (
    select key from once
    where at < :before and not exists (select 1 from jobs where id = once.job_id)
    limit :limit
)

-- name: insert_audit
insert into audit (at, actor, action, job_id, was, became, via)
values (:now, :actor, :action, :job_id, :was, :became, :via)

-- name: insert_audits
insert into audit (at, actor, action, job_id, was, became, via)
select :now, :actor, :action, {int moved 0}, :was, {text moved 1}, :via from {rows :batch} as moved

-- name: audit
select id, at, actor, action, job_id, was, became, via from audit
where (:before is null or id < :before) and (:actor is null or actor = :actor)
order by id desc limit :limit

-- name: age
-- Of the oldest in line; what stands behind them is younger, or has its turn at the next look.
update jobs set priority = :high where id in (
    select id from (
        select id, run_at from jobs where ready = 1 and priority = :low
        order by priority, queue, line, id limit :limit) as oldest
    where run_at <= :before)
returning id

-- name: model
select {model} from models where tenant = :tenant and name = :name

-- name: model_by_id
select {model} from models where id = :id

-- name: models
select {model} from models where (:tenant is null or tenant = :tenant) and id > :after
order by id limit :limit

-- name: insert_model
insert into models (tenant, name, created_at) values (:tenant, :name, :now)
on conflict (tenant, name) do nothing

-- name: freeze_golden
update models set golden = :golden where id = :id and (:anew = 1 or golden is null)

-- name: version
select {version} from model_versions where id = :id and model_id = :model_id

-- name: version_numbered
select {version} from model_versions where model_id = :model_id and number = :number

-- name: version_of_digest
select {version} from model_versions
where model_id = :model_id and digest = :digest and dropped_at is null order by id desc limit 1

-- name: version_of_cycle
select {version} from model_versions where cycle_id = :cycle_id

-- name: versions
select {version} from model_versions where model_id = :model_id order by id desc limit :limit

-- name: insert_version
insert into model_versions (model_id, number, digest, size, metrics, metadata, cycle_id, created_at)
values (:model_id, (select coalesce(max(number), 0) + 1 from model_versions where model_id = :model_id),
        :digest, :size, :metrics, :metadata, :cycle_id, :now)
{numbered}

-- name: aliases
select a.alias, a.version_id, v.number, a.moved_at
from model_aliases a join model_versions v on v.id = a.version_id
where a.model_id = :model_id order by a.alias

-- name: aliased
select version_id from model_aliases where model_id = :model_id and alias = :alias

-- name: put_alias
insert into model_aliases (model_id, alias, version_id, moved_at)
values (:model_id, :alias, :version_id, :now)
on conflict (model_id, alias) do update
set version_id = excluded.version_id, moved_at = excluded.moved_at

-- name: drop_alias
delete from model_aliases where model_id = :model_id and alias = :alias

-- name: insert_alias_move
insert into model_moves (model_id, at, kind, from_id, to_id, cycle_id, by_whom, reason)
values (:model_id, :now, :kind, :from_id, :to_id, :cycle_id, :by, :reason)

-- name: alias_moves
select m.id, m.at, m.kind, f.number, t.number, m.cycle_id, m.by_whom, m.reason
from model_moves m join model_versions t on t.id = m.to_id
left join model_versions f on f.id = m.from_id
where m.model_id = :model_id order by m.id desc limit :limit

-- name: champion_before
-- What served before a version did, when it was promoted last.
select from_id from model_moves where model_id = :model_id and to_id = :version_id
and kind <> 'rolled_back' order by id desc limit 1

-- name: droppable_versions
-- Beyond the newest `keep`, those that play no part; with `former`, former champions stay, too.
select id, digest from model_versions v
where model_id = :model_id and dropped_at is null
and id not in (select version_id from model_aliases where model_id = :model_id)
and id not in (select id from model_versions where model_id = :model_id order by id desc limit :keep)
and (:former = 0 or not exists (select 1 from model_moves m where m.to_id = v.id))
and not exists (select 1 from cycles c where c.id = v.cycle_id and c.state = 'running')

-- name: drop_version
update model_versions set dropped_at = :now where id = :id and dropped_at is null
and not exists (select 1 from model_aliases where version_id = :id)

-- name: digest_in_use
select count(*) from model_versions where digest = :digest and dropped_at is null

-- name: put_artefact
insert into artefacts (digest, body) values (:digest, :body) on conflict (digest) do nothing

-- name: artefact
select body from artefacts where digest = :digest

-- name: drop_artefact
delete from artefacts where digest = :digest

-- name: insert_cycle
insert into cycles (model_id, job_id, attempt, schedule_id, forced, correlation, state, started_at)
values (:model_id, :job_id, :attempt, :schedule_id, :forced, :correlation, 'running', :now)
{numbered}

-- name: cycle
select {cycle} from cycles where id = :id

-- name: cycle_of_job
select {cycle} from cycles where job_id = :job_id

-- name: take_cycle
update cycles set attempt = :attempt where id = :id and state = 'running' and attempt <= :attempt

-- name: job_is_held
select count(*) from jobs where id = :job_id and attempt = :attempt and state = 'running'

-- name: cycle_is_held
select count(*) from cycles c join jobs j on j.id = c.job_id
where c.id = :id and c.attempt = :attempt and c.state = 'running'
and j.state = 'running' and j.attempt = :attempt

-- name: enter_step
update cycles set step = :step where id = :id

-- name: put_cycle_step
insert into cycle_steps (cycle_id, step, attempt, at, data)
values (:cycle_id, :step, :attempt, :now, :data)
on conflict (cycle_id, step) do nothing

-- name: cycle_steps
select step, data from cycle_steps where cycle_id = :cycle_id

-- name: drop_cycle_steps
delete from cycle_steps where cycle_id = :cycle_id

-- name: set_cycle_version
update cycles set version_id = :version_id where id = :id

-- name: forget_cycles
delete from cycles where model_id = :model_id and state <> 'running'
and id <= coalesce((select id from cycles where model_id = :model_id
    order by id desc limit 1 offset :keep), 0)

-- name: end_cycle
update cycles set state = :state, finished_at = :now, code = :code, reason = :reason,
                  report = :report, step = null
where id = :id and state = 'running'

-- name: lost_cycles
-- Their jobs have ended otherwise, or were pruned.
select c.id, c.job_id, j.state, j.code, j.reason, j.finished_at
from cycles c left join jobs j on j.id = c.job_id
where c.state = 'running' and (j.id is null or j.state in ('succeeded', 'failed', 'cancelled'))
order by c.id limit 100

-- name: cycles
select {cycle} from cycles
where model_id = :model_id and (:schedule_id is null or schedule_id = :schedule_id)
and (:before is null or id < :before)
order by id desc limit :limit

-- name: all_cycles
select {cycle} from cycles
where (:tenant is null or model_id in (select id from models where tenant = :tenant))
and (:before is null or id < :before)
order by id desc limit :limit

-- name: cycles_of_schedule
select {cycle} from cycles where schedule_id = :schedule_id
and (:before is null or id < :before)
order by id desc limit :limit

-- name: bad_cycles
select count(*), max(finished_at) from cycles
where state in ('refused', 'failed') and pardoned = 0
and (schedule_id = :schedule_id or (:schedule_id is null and model_id = :model_id))
and id > coalesce((select max(id) from cycles where state in ('done', 'promoted', 'kept')
    and (schedule_id = :schedule_id or (:schedule_id is null and model_id = :model_id))), 0)

-- name: other_running_cycle
select min(c.id) from cycles c join jobs j on j.id = c.job_id
where c.model_id = :model_id and c.state = 'running' and c.job_id <> :job_id
and j.state not in ('succeeded', 'failed', 'cancelled')

-- name: count_cycles
select count(*), coalesce(sum(case when state in ('done', 'promoted', 'kept') then 1 else 0 end), 0),
       coalesce(sum(case when state in ('refused', 'failed') then 1 else 0 end), 0),
       coalesce(sum(case when state = 'skipped' then 1 else 0 end), 0)
from cycles where (schedule_id = :schedule_id or (:schedule_id is null and model_id = :model_id))

-- name: pardon_cycles
update cycles set pardoned = 1 where pardoned = 0 and state in ('refused', 'failed')
and (schedule_id = :schedule_id or (:schedule_id is null and model_id = :model_id))

-- name: insert_feedback
insert into feedback (version_id, at, score) values (:version_id, :now, :score)

-- name: drop_feedback
delete from feedback where version_id = :version_id

-- name: forget_feedback
delete from feedback where version_id = :version_id and id <= coalesce((select id from feedback
    where version_id = :version_id order by id desc limit 1 offset :keep), 0)

-- name: feedback
select count(*), coalesce(avg(score), 0), coalesce(avg(score * score), 0) from (
    select score from feedback where version_id = :version_id and at >= :since
    order by id desc limit :last) newest


-- name: automation
select {automation} from automations where automation_id = :automation_id

-- name: automations
select {automation} from automations where (:state is null or state = :state)
order by created_at, automation_id limit :limit

-- name: insert_automation
insert into automations ({automation})
values (:automation_id, :pattern_id, :task_type, :template, :language, :level, :script, :parameters,
        :cases, :counters, :subject, :verdict, :by_hand_ms, :state, :runs, :successes, :saved_ms,
        :created_at, :changed_at, :deployed_at, :version)
on conflict (automation_id) do nothing

-- name: update_automation
update automations set
    language = :language, level = :level, script = :script, parameters = :parameters,
    cases = :cases, counters = :counters, subject = :subject, verdict = :verdict,
    by_hand_ms = :by_hand_ms, state = :state, runs = :runs, successes = :successes,
    saved_ms = :saved_ms, changed_at = :changed_at, deployed_at = :deployed_at, version = :version
where automation_id = :automation_id and version = :before

-- name: trial
select {trial} from trials where trial_id = :trial_id

-- name: trials
select {trial} from trials where (:running = 0 or outcome is null)
order by started_at desc, trial_id limit :limit

-- name: insert_trial
insert into trials ({trial})
values (:trial_id, :subject, :control, :candidate, :state, :pairs, :outcome, :started_at, :ended_at,
        :version)
on conflict (trial_id) do nothing

-- name: update_trial
update trials set state = :state, pairs = :pairs, outcome = :outcome, ended_at = :ended_at,
                  version = :version
where trial_id = :trial_id and version = :before

-- name: find_down
select {short} from jobs
where (:after = 0 or id < :after) and {found}
order by id desc limit :limit offset :skip

-- name: find_up
select {short} from jobs
where id > :after and {found}
order by id limit :limit offset :skip

-- name: find_count
select count(*) from jobs where {found}

-- name: depths
select queue, priority, 'ready', count(*), min(run_at) from jobs
where ready = 1 group by queue, priority
union all
select queue, priority, 'later', count(*), min(run_at) from jobs
where state = 'pending' and ready = 0 group by queue, priority
union all
select queue, priority, 'held', count(*), min(run_at) from jobs
where state = 'held' group by queue, priority
union all
select queue, priority, 'running', count(*), min(started_at) from jobs
where worker is not null group by queue, priority

-- name: backlog
-- Slots are numbered from `since`; what was due before it counts from the slot -1.
select state, priority,
    case when run_at < :since then -1 else (run_at - :since) / :slot end as due,
    (finished_at - :since) / :slot as ended, count(*), min(finished_at), max(finished_at)
from (
    select 'ready' as state, priority, run_at, finished_at from jobs where ready = 1
    union all
    select 'running', priority, run_at, finished_at from jobs where worker is not null
    union all
    select * from (
        select 'succeeded' as state, priority, run_at, finished_at from jobs
        where finished_at is not null and state = 'succeeded' and finished_at >= :since
        order by finished_at desc limit :limit) as succeeded
    union all
    select * from (
        select 'failed' as state, priority, run_at, finished_at from jobs
        where finished_at is not null and state = 'failed' and finished_at >= :since
        order by finished_at desc limit :limit) as failed
    union all
    select * from (
        select 'cancelled' as state, priority, run_at, finished_at from jobs
        where finished_at is not null and state = 'cancelled' and finished_at >= :since
        order by finished_at desc limit :limit) as cancelled) as runs
group by 1, 2, 3, 4

-- name: stretches
-- The worker of a run that has ended stands in the event of its start.
select id, task, name, state, worker, started_at, finished_at from (
    select id, task, name, state, worker, started_at, finished_at from jobs
    where worker is not null and begun = 1
    union all
    select * from (
        select id, task, name, state, worker, started_at, finished_at from jobs
        where finished_at is not null and state = 'succeeded' and finished_at >= :since
        order by finished_at desc limit :limit) as succeeded
    union all
    select * from (
        select id, task, name, state, worker, started_at, finished_at from jobs
        where finished_at is not null and state = 'failed' and finished_at >= :since
        order by finished_at desc limit :limit) as failed
    union all
    select * from (
        select id, task, name, state, worker, started_at, finished_at from jobs
        where finished_at is not null and state = 'cancelled' and finished_at >= :since
        order by finished_at desc limit :limit) as cancelled) as runs
where started_at is not null
order by coalesce(finished_at, :last) desc limit :limit

-- name: starts
select job_id, data from events
where kind = 'job.started' and job_id is not null and job_id in ({ints :ids}) order by seq

-- name: events_of_tenant
select events.seq, events.at, events.kind, events.job_id, events.attempt, events.data
from events join jobs on jobs.id = events.job_id
where events.seq > :after and jobs.tenant = :tenant order by events.seq limit :limit

-- name: events_down
select seq, at, kind, job_id, attempt, data from events
where (:before = 0 or seq < :before) and (:kinds is null or {names :kinds kind})
order by seq desc limit :limit

-- name: insert_token
insert into tokens (digest, name, scope, tenant, expires_at, created_at)
values (:digest, :name, :scope, :tenant, :expires_at, :now)
{numbered}

-- name: tokens
select {token} from tokens order by id

-- name: token
select {token} from tokens
where digest = :digest

-- name: revoke_token
update tokens set revoked_at = :now where id = :id and revoked_at is null

-- name: reply
select fingerprint, status, headers, body from replies where key = :key and created_at > :line

-- name: put_reply
insert into replies (key, fingerprint, created_at) values (:key, :fingerprint, :now)
on conflict (key) do update
set fingerprint = excluded.fingerprint, created_at = excluded.created_at,
    status = null, headers = null, body = null

-- name: keep_reply
update replies set status = :status, headers = :headers, body = :body where key = :key

-- name: drop_reply
delete from replies where key = :key

-- name: prune_replies
delete from replies where key in (
    select key from replies where created_at <= :before order by created_at limit :limit)

-- name: insert_operation
insert into operations (kind, state, made_by, tenant, total, created_at, request, place, owner)
values (:kind, 'running', :by, :tenant, :total, :now, :request, :place, :owner)
{numbered}

-- name: advance_operation
update operations set done = :done, failed = :failed where id = :id and state = 'running'

-- name: end_operation
update operations set state = :state, done = :done, failed = :failed, result = :result,
                      finished_at = :now
where id = :id and state = 'running'

-- name: operation
select {operation} from operations where id = :id and (:tenant is null or tenant = :tenant)

-- name: operations
select {operation} from operations where (:after = 0 or id < :after) and (:tenant is null or tenant = :tenant)
order by id desc limit :limit

-- name: running_operations
select {operation} from operations where state = 'running' order by id

-- name: prune_operations
delete from operations where id in (
    select id from operations where finished_at is not null and finished_at < :before limit :limit)

-- name: rows
select {short} from jobs where id in ({ints :ids}) order by id

-- name: origin
select value from meta where key = 'origin'

-- name: imported
select kind, was, became from imported where origin = :origin

-- name: remember_imported
insert into imported (origin, kind, was, became, at) values (:origin, :kind, :was, :became, :at)

-- name: line_of
select {line}

-- name: holder
select id from jobs where unique_key = :key and finished_at is null

-- name: set_last_job
update schedules set last_job = :job where id = :id

-- name: numbered_end
{numbered}
