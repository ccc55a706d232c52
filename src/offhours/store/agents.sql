-- What agents keep: goals, thoughts, deferrals.

-- name: insert_goal
insert into goals (schedule_id, task_id, agent, tenant, name, goal, prompt, origin, created_by, cron,
                   expires_at, thread, delivery)
values (:schedule_id, :task_id, :agent, :tenant, :name, :goal, :prompt, :origin, :created_by, :cron,
        :expires_at, :thread, :delivery)

-- name: goal
select {goal} from goals join schedules on schedules.id = goals.schedule_id
where goals.schedule_id = :schedule_id

-- name: goal_of_task
select {goal} from goals join schedules on schedules.id = goals.schedule_id
where goals.task_id = :task_id and (:tenant is null or goals.tenant = :tenant)

-- name: goals
select {goal} from goals join schedules on schedules.id = goals.schedule_id
where goals.schedule_id > :after and (:agent is null or goals.agent = :agent)
  and (:tenant is null or goals.tenant = :tenant)
order by goals.schedule_id limit :limit

-- name: goal_counts
-- As `Goal.status` has it.
select status, recurring, count(*), sum(deferrals), sum(runs) from (
    select case when goals.cancelled_at is not null then 'CANCELLED'
                when schedules.status = 'disabled' then 'FAILED'
                when schedules.status <> 'ended'
                     or exists (select 1 from jobs where jobs.schedule_id = goals.schedule_id
                                and jobs.finished_at is null)
                then case when schedules.runs > 0 then 'ACTIVE' else 'PENDING' end
                when schedules.failures > 0 then 'FAILED' else 'COMPLETE' end as status,
           case when goals.cron is null then 0 else 1 end as recurring,
           goals.deferrals as deferrals, schedules.runs as runs
    from goals join schedules on schedules.id = goals.schedule_id) as told
group by status, recurring order by status, recurring

-- name: cancel_goal
update goals set cancelled_at = :now where schedule_id = :schedule_id and cancelled_at is null

-- name: size_of_goals
select coalesce(sum(length(prompt) + length(goal) + length(name) + coalesce(length(origin), 0)), 0)
     + (select coalesce(sum(length(prompt)), 0) from thoughts where state = 'waiting')
from goals

-- name: count_goals
-- Those that are not final: how many, how many that fire again and again, and their size.
select count(*), count(goals.cron),
       coalesce(sum(length(goals.prompt) + length(goals.goal) + length(goals.name)), 0)
from goals join schedules on schedules.id = goals.schedule_id
where goals.cancelled_at is null and schedules.status <> 'disabled'
  and (:agent is null or goals.agent = :agent) and (:tenant is null or goals.tenant = :tenant)
  and (schedules.status <> 'ended'
       or exists (select 1 from jobs where jobs.schedule_id = goals.schedule_id
                  and jobs.finished_at is null))

-- name: goal_deferred
update goals set deferrals = deferrals + 1 where schedule_id = :schedule_id

-- name: insert_goal_deferral
insert into goal_deferrals (schedule_id, at, until, reason, job_id, gate, thought_id, context)
values (:schedule_id, :at, :until, :reason, :job_id, :gate, :thought_id, :context)

-- name: deferrals_of_goal
select at, until, reason, job_id, gate, thought_id, context from goal_deferrals
where schedule_id = :schedule_id order by id

-- name: deferrals_of_job
select at, {number data until}, {field data reason}, job_id, {field data gate}, null, null
from events where job_id = :job_id and kind = 'job.deferred' order by seq

-- name: reasons
-- What a gate says has figures in it, so it is the gate that is counted.
select reason, count(*) from (
    select coalesce({field data gate}, {field data reason}) as reason from events
    where kind = 'job.deferred' and at >= :since
    union all
    select reason from goal_deferrals where job_id is null and at >= :since) as told
where reason <> '' group by reason order by count(*) desc, reason limit :limit

-- name: deferred_often
select kind, id, name, deferrals from (
    select kind, id, name, deferrals from (
        select 'job' as kind, id, coalesce(name, task) as name, deferrals from jobs
        where deferrals > 0 order by deferrals desc, id limit :limit) as most_jobs
    union all
    select kind, id, name, deferrals from (
        select 'goal' as kind, schedule_id as id, name, deferrals from goals
        where deferrals > 0 order by deferrals desc, schedule_id limit :limit) as most_goals
    ) as told
order by deferrals desc, kind, id limit :limit

-- name: deferrals_since
select (select count(*) from events where kind = 'job.deferred' and at >= :since)
     + (select count(*) from goal_deferrals where job_id is null and at >= :since)

-- name: insert_thought
insert into thoughts (key, agent, prompt, goal, origin, created_by, note, schedule_id, fire_at,
                      job_id, attempt, visible_at, expires_at, thread, delivery, created_at)
values (:key, :agent, :prompt, :goal, :origin, :created_by, :note, :schedule_id, :fire_at,
        :job_id, :attempt, :visible_at, :expires_at, :thread, :delivery, :now)
on conflict (key) do nothing

-- name: thought_of_key
select {thought} from thoughts where key = :key

-- name: thought
select {thought} from thoughts
where id = :id
  and {thought_of_tenant}

-- name: thoughts
select {thought} from thoughts
where (:agent is null or agent = :agent) and (:state is null or state = :state)
  and (:before is null or id < :before)
  and {thought_of_tenant}
order by id desc limit :limit

-- name: thoughts_of_job
select {thought} from thoughts where job_id = :job_id order by id

-- name: visible_thoughts
select {thought} from thoughts
where agent = :agent and state = 'waiting' and visible_at <= :now
  and (expires_at is null or expires_at > :now)
  and not exists (select 1 from jobs where jobs.id = thoughts.handler_job
                  and jobs.finished_at is null)
order by visible_at, id limit :limit

-- name: next_thought
select min(visible_at) from thoughts
where agent = :agent and state = 'waiting' and (expires_at is null or expires_at > :now)
  and not exists (select 1 from jobs where jobs.id = thoughts.handler_job
                  and jobs.finished_at is null)

-- name: take_thoughts
update thoughts set visible_at = :until, taken = taken + 1 where id in ({ints :ids})

-- name: close_thought
update thoughts set state = :state, closed_at = :now, answer = :answer
where id = :id and state = 'waiting'

-- name: snooze_thought
update thoughts set visible_at = :until, snoozes = snoozes + 1 where id = :id and state = 'waiting'

-- name: overdue_thoughts
select id, agent from thoughts
where state = 'waiting' and expires_at is not null and expires_at <= :now limit :limit

-- name: handler
select task from handlers where agent = :agent

-- name: put_handler
insert into handlers (agent, task) values (:agent, :task)
on conflict (agent) do update set task = excluded.task

-- name: thought_handled
update thoughts set handler_job = :job_id where id = :id

-- name: unhandled_thoughts
select {thought} from thoughts
where agent = :agent and state = 'waiting' and (expires_at is null or expires_at > :now)
  and not exists (select 1 from jobs where jobs.id = thoughts.handler_job
                  and jobs.finished_at is null)
order by id limit :limit

-- name: executions
-- A fire has gone well when its job has, and the job of its handler, if there is one.
select count(*),
       coalesce(sum(case when jobs.state = 'succeeded' and coalesce(handling.state, 'succeeded')
                         = 'succeeded' then 1 else 0 end), 0),
       coalesce(sum(case when jobs.state = 'failed' or handling.state = 'failed'
                         then 1 else 0 end), 0),
       avg(fires.delay), max(fires.delay),
       coalesce(sum(case when fires.delay <= 1000000 then 1 else 0 end), 0),
       avg(coalesce(handling.finished_at, jobs.finished_at)
           - coalesce(handling.started_at, jobs.started_at))
from fires join goals on goals.schedule_id = fires.schedule_id
     join jobs on jobs.id = fires.job_id
     left join thoughts on thoughts.job_id = jobs.id
     left join jobs as handling on handling.id = thoughts.handler_job
where fires.at >= :since
  and (:recurring is null or (goals.cron is not null) = (:recurring = 1))

-- name: bump
insert into meta (key, value) values (:key, :count)
on conflict (key) do update set value = meta.value + excluded.value

-- name: tallies
select key, value from meta where key like 'goals.%'

-- name: prune_thoughts
delete from thoughts where id in (
    select id from thoughts where closed_at is not null and closed_at < :before limit :limit)

-- name: old_goals
select {goal} from goals join schedules on schedules.id = goals.schedule_id
where schedules.status = 'ended' and schedules.updated_at < :before
  and not exists (select 1 from jobs where jobs.schedule_id = goals.schedule_id
                  and jobs.finished_at is null)
order by goals.schedule_id limit :limit

-- name: forget_goals
delete from goals where schedule_id in ({ints :ids})

-- name: forget_goal_deferrals
delete from goal_deferrals where schedule_id in ({ints :ids})

-- name: forget_goal_fires
delete from fires where schedule_id in ({ints :ids})

-- name: forget_goal_schedules
delete from schedules where id in ({ints :ids})

-- name: put_budget
insert into budgets (scope, name, tokens, usd, seconds, tool_calls, per, on_breach, reserve)
values (:scope, :name, :tokens, :usd, :seconds, :tool_calls, :per, :on_breach, :reserve)
on conflict (scope, name) do update set
    tokens = excluded.tokens, usd = excluded.usd, seconds = excluded.seconds,
    tool_calls = excluded.tool_calls, per = excluded.per, on_breach = excluded.on_breach,
    reserve = excluded.reserve

-- name: drop_budget
delete from budgets where scope = :scope and name = :name

-- name: budgets
select scope, name, tokens, usd, seconds, tool_calls, per, on_breach, reserve from budgets
order by scope, name

-- name: spent
select tokens, usd, seconds, tool_calls, runs from spending where key = :key and since = :since

-- name: spend
insert into spending (key, since, tokens, usd, seconds, tool_calls, runs, at)
values (:key, :since, :tokens, :usd, :seconds, :tool_calls, :runs, :now)
on conflict (key, since) do update set
    tokens = spending.tokens + excluded.tokens, usd = spending.usd + excluded.usd,
    seconds = spending.seconds + excluded.seconds,
    tool_calls = spending.tool_calls + excluded.tool_calls,
    runs = spending.runs + excluded.runs, at = excluded.at

-- name: reserved
-- By runs that go on; what an ended or crashed one has left counts no more.
select coalesce(sum(reservations.tokens), 0), coalesce(sum(reservations.usd), 0),
       coalesce(sum(reservations.seconds), 0), coalesce(sum(reservations.tool_calls), 0), count(*)
from reservations join jobs on jobs.id = reservations.job_id
     and jobs.attempt = reservations.attempt and jobs.state = 'running'
where reservations.key = :key and reservations.since = :since and reservations.job_id <> :job_id

-- name: reserve
insert into reservations (job_id, attempt, key, since, tokens, usd, seconds, tool_calls)
values (:job_id, :attempt, :key, :since, :tokens, :usd, :seconds, :tool_calls)
on conflict (job_id, attempt, key) do nothing

-- name: unreserve
delete from reservations where job_id = :job_id and attempt <= :attempt

-- name: prune_spending
-- What never refills is kept, or it would; that of jobs until nobody can be waiting any more.
delete from spending where (key, since) in (
    select key, since from spending
    where at < :before
      and (since > 0 or (at < :long_before and (key like 'tree %' or key like 'job %')))
    order by at limit :limit)

-- name: prune_reservations
delete from reservations where job_id in (
    select job_id from reservations where not exists (
        select 1 from jobs where jobs.id = reservations.job_id and jobs.state = 'running')
    limit :limit)

-- name: put_quota
insert into quotas (scope, name, active, cron, memory, deferrals)
values (:scope, :name, :active, :cron, :memory, :deferrals)
on conflict (scope, name) do update set
    active = excluded.active, cron = excluded.cron, memory = excluded.memory,
    deferrals = excluded.deferrals

-- name: quota
select scope, name, active, cron, memory, deferrals from quotas where scope = :scope and name = :name

-- name: quotas
select scope, name, active, cron, memory, deferrals from quotas order by scope, name

-- name: count_thoughts
select coalesce(sum(length(prompt)), 0) from thoughts where agent = :agent and state = 'waiting'

-- name: count_jobs_of_tenant
select count(*), coalesce(sum(length(args) + coalesce(length(metadata), 0)
                              + coalesce(length(progress), 0)), 0)
from jobs where tenant is not null and tenant = :tenant and finished_at is null
