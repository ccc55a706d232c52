-- name: template
select {template} from templates
where name = :name and retired_at is null and (:version is null or version = :version)
order by version desc limit 1

-- name: last_template
-- Of those that were deleted, too: no version is ever given again.
select coalesce(max(version), 0) from templates where name = :name

-- name: templates
select {template} from templates
where retired_at is null and name > :after and (:task is null or task = :task)
  and version = (select max(version) from templates as newer where newer.name = templates.name)
order by name limit :limit

-- name: template_versions
select {template} from templates where name = :name and retired_at is null
order by version desc limit :limit

-- name: insert_template
insert into templates ({template})
values (:name, :version, :task, :description, :body, :created_at, :created_by, :retired_at)
on conflict (name, version) do nothing

-- name: retire_template
update templates set retired_at = :now
where name = :name and retired_at is null
  and :version = (select max(version) from templates as newer where newer.name = :name)
