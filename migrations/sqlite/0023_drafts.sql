-- Changes of assistants that only test calls hear.

CREATE TABLE assistant_drafts (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    document TEXT NOT NULL,
    -- The version it was begun from.
    base INTEGER NOT NULL,
    number INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id) ON DELETE CASCADE
) STRICT;
-- Counts the states that drafts have had, from a million: each gets a number that no other had, and no version has.
ALTER TABLE assistants ADD COLUMN drafts INTEGER NOT NULL DEFAULT 1000000;
-- Which of them a test call ran, where it was not a version.
ALTER TABLE calls ADD COLUMN assistant_draft INTEGER;
