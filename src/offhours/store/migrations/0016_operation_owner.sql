-- The process that does a long action: its host, number and start. Rows without one ended long ago.
alter table operations add column owner text;
