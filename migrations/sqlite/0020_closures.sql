-- Closing days and absences: what is taken off the opening hours, of one resource or of all where none is named.
-- `part` says how `from_time` and `until_time` are meant: not at all, on each date, or from the first date to the last.
CREATE TABLE closures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    resource_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('closing', 'holiday', 'absence')),
    name TEXT NOT NULL DEFAULT '',
    first_date TEXT NOT NULL,
    last_date TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('whole', 'daily', 'through')),
    from_time TEXT,
    until_time TEXT,
    yearly INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX closures_by_resource ON closures (tenant_id, resource_id);

-- An appointment that stands although its resource is not there, because somebody said so: of which start they said it,
-- and in spite of what. Moved, or with something else in its way, nobody has said it yet.
ALTER TABLE appointments ADD COLUMN kept_start INTEGER;
ALTER TABLE appointments ADD COLUMN kept_causes TEXT;
CREATE INDEX appointments_kept ON appointments (tenant_id, ends_at) WHERE kept_start IS NOT NULL;

-- What is done about an appointment by calling is found by the appointment.
CREATE INDEX outgoing_calls_to_move ON outgoing_calls (tenant_id, appointment_id, created_at) WHERE kind = 'move';
