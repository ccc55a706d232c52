-- By which face something was done, and in which request: a JSON object.
alter table audit add column via text;
