-- SQLite has no roles and no row-level security: there the walls are the store's door and the composite keys. The folder
-- beside this one says what PostgreSQL adds.
SELECT 1;
