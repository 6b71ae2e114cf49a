-- What people who log in are called by those they work with; empty when they have not said.

ALTER TABLE users ADD COLUMN name TEXT NOT NULL DEFAULT '';
