-- Where a goal and its thoughts belong, and who is told of them.
-- thread: the conversation in which they are worked on; without one, each in a new one
-- delivery: the route by which they are told, or 'none'; without it, all routes of the agent
alter table goals add column thread text;
alter table goals add column delivery text;
alter table thoughts add column thread text;
alter table thoughts add column delivery text;
