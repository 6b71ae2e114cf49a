-- Messages are worked: some cannot wait, somebody calls back, nobody was reached. Names are found however umlauts are written.

ALTER TABLE messages ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1));
-- Who calls back, as in the audit log, and until when nobody else does.
ALTER TABLE messages ADD COLUMN claimed_by TEXT;
ALTER TABLE messages ADD COLUMN claimed_until INTEGER;
-- How often nobody was reached, and when it is to be tried again.
ALTER TABLE messages ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN again_at INTEGER;
CREATE INDEX messages_open ON messages (tenant_id, left_at, id) WHERE handled_at IS NULL;

UPDATE contacts SET name_folded = replace(replace(replace(replace(replace(replace(replace(replace(name_folded, 'ä', 'a'), 'ö', 'o'), 'ü', 'u'),
    'ß', 'ss'), 'é', 'e'), 'ae', 'a'), 'oe', 'o'), 'ue', 'u');
