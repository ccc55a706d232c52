-- Many jobs at once. A step reads the numbers of the next ones without a lock, however many others
-- it has to pass over, and looks at those again in the transaction that changes them.

-- name: last_job
select coalesce(max(id), 0) from jobs

-- name: bulk_groups
select task, state, count(*), cast(sum(id) as bigint) from jobs
where {found} and {open} and id <= :upto
group by task, state order by task, state

-- name: bulk_examples
select {short} from jobs
where {found} and {open} and id <= :upto
order by id desc limit :limit

-- name: bulk_down
select id from jobs
where {found} and {open} and id < :place
order by id desc limit :limit

-- name: bulk_up
select id from jobs
where {found} and {open} and id > :place and id <= :upto
order by id limit :limit

-- name: bulk_jobs
select {job} from jobs
where id in ({ints :page}) and {found} and {open}
order by id

-- name: advance_bulk
update operations set place = :place, done = :done, failed = :failed, result = :result
where id = :id and state = 'running' and place = :was

-- name: end_bulk
update operations set state = 'succeeded', result = :result, finished_at = :now
where id = :id and state = 'running' and place = :was

-- name: stop_bulk
update operations set state = 'failed', finished_at = :now
where id = :id and state = 'running' and request is not null

-- name: bulk_operation
select {operation} from operations where id = :id and request is not null

-- name: unfinished_bulk
select {operation} from operations
where request is not null and finished_at is null order by id
