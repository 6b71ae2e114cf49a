-- SQLite's index of words is a table of its own since it began. The folder beside this one says what PostgreSQL changes.
SELECT 1;
