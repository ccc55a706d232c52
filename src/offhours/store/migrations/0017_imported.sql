-- What was brought here from another database, by the numbers that it had there: brought again, it
-- is known, also when it is long done and forgotten.
create table imported (
    origin integer not null,
    kind text not null,
    was integer not null,
    became integer not null,
    at integer not null,
    primary key (origin, kind, was)
) without rowid;

-- A number by which this database is known elsewhere.
-- sqlite only
insert into meta (key, value) values ('origin', random() & 9007199254740991);

-- postgres only
insert into meta (key, value) values ('origin', (random() * 9007199254740991)::bigint);
