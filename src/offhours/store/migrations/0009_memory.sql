-- What is searched: artefacts that were stored, and what the index says of schedules and tasks.
-- `source` names the row an artefact was derived from; it is null for what was stored as such.
create table artifacts (
    id integer primary key,
    key text not null unique,
    type text not null,
    name text not null,
    folded text not null,
    description text not null,
    content text not null,
    tags text not null,
    metadata text,
    source text,
    created_at integer not null,
    updated_at integer not null
);

create index artifacts_folded on artifacts (folded);
create index artifacts_source on artifacts (source) where source is not null;

create table artifact_tags (
    tag text not null,
    artifact integer not null,
    primary key (tag, artifact)
) without rowid;

create table artifact_vectors (
    artifact integer not null,
    model text not null,
    vector blob not null,
    primary key (artifact, model)
);

-- sqlite only
create virtual table artifact_words using fts5 (
    name, words, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2'
);

-- postgres only
create table artifact_words (
    id integer primary key,
    words tsvector not null
);

create index artifact_words_words on artifact_words using gin (words);

-- both

-- What the graph cannot derive from jobs, schedules and events.
create table nodes (
    id text primary key,
    type text not null,
    metadata text,
    at integer not null
) without rowid;

create table edges (
    src text not null,
    type text not null,
    dst text not null,
    metadata text,
    at integer not null,
    primary key (src, type, dst)
) without rowid;

create index edges_back on edges (dst, type, src);

-- The ways back along edges that are derived. Only rows that have such an edge are in them.
create index jobs_retries on jobs (retry_of) where retry_of is not null;

-- sqlite only
create index jobs_thought on jobs (metadata ->> '$.origin_thought_id')
    where instr(metadata, 'origin_thought_id') > 0;
create index schedules_thought on schedules (metadata ->> '$.origin_thought_id')
    where instr(metadata, 'origin_thought_id') > 0;

-- postgres only
create index jobs_thought on jobs ((metadata::json ->> 'origin_thought_id'))
    where strpos(metadata, 'origin_thought_id') > 0;
create index schedules_thought on schedules ((metadata::json ->> 'origin_thought_id'))
    where strpos(metadata, 'origin_thought_id') > 0;
