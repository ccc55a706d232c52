-- What the optimizer made of routines: a script, its tests, the verdict on it, and what it did.
create table automations (
    automation_id text primary key,
    pattern_id text not null,
    task_type text not null,
    template text not null,
    language text not null,
    level text not null,
    script text not null,
    parameters text not null,
    cases text not null,
    counters text not null,
    subject text not null,
    verdict text,
    by_hand_ms real not null,
    state text not null,
    runs integer not null,
    successes integer not null,
    saved_ms real not null,
    created_at integer not null,
    changed_at integer not null,
    deployed_at integer,
    version integer not null,
    check (state in ('draft', 'deployed', 'retired')),
    check ((state = 'deployed') = (deployed_at is not null)),
    check (successes <= runs)
);

-- Two ways to do the same, compared run by run; the state is what the test has summed up.
create table trials (
    trial_id text primary key,
    subject text not null,
    control text not null,
    candidate text not null,
    state text not null,
    pairs integer not null,
    outcome text,
    started_at integer not null,
    ended_at integer,
    version integer not null,
    check ((outcome is null) = (ended_at is null))
);
