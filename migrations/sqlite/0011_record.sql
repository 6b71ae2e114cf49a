-- The record of a call: its recording's key and what became of it.

-- A call's recording, from the moment it begins. `key` opens it and is itself sealed; without one it was kept before
-- recordings were sealed. `length_ms` is unknown until it is over, and stays so when its process ends before. Nothing is to
-- be heard in `silences`: JSON, pairs of milliseconds since the recording began.
CREATE TABLE recordings (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    key BLOB,
    begun_at INTEGER NOT NULL,
    began_ms INTEGER NOT NULL,
    length_ms INTEGER,
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    silences TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX recordings_by_call ON recordings (call_id);
CREATE INDEX recordings_unfinished ON recordings (begun_at) WHERE length_ms IS NULL;
