-- What a list tells of a dump, apart from its calls: a body may have millions of characters.
create table dump_heads (
    dump_id text primary key,
    head text not null
) without rowid;
