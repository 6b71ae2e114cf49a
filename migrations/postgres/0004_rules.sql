-- Rules of what can be booked, and groups: several appointments in one session.

ALTER TABLE services ADD COLUMN per_month_max BIGINT;
ALTER TABLE services ADD COLUMN minutes_per_day_max BIGINT;
ALTER TABLE services ADD COLUMN capacity BIGINT NOT NULL DEFAULT 1 CHECK (capacity >= 1);
ALTER TABLE services ADD COLUMN selection TEXT NOT NULL DEFAULT 'any'
    CHECK (selection IN ('any', 'round_robin', 'all'));
-- Words for an event's time that block, and names of calendars, as JSON; no list of calendars means all of them.
ALTER TABLE services ADD COLUMN blocking TEXT NOT NULL DEFAULT '["busy","tentative","out_of_office"]';
ALTER TABLE services ADD COLUMN conflict_calendars TEXT;

ALTER TABLE appointments ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE appointments ADD COLUMN seats BIGINT NOT NULL DEFAULT 1 CHECK (seats >= 1);
-- Appointments of one session may stand in each other's place; one that names no session is alone in its own.
ALTER TABLE appointments ADD COLUMN session TEXT;
-- Further resources it takes, as JSON. Each has a row of its own beside this one, so that the database keeps its
-- time too: `part_of` names the appointment, and such a row is no appointment itself.
ALTER TABLE appointments ADD COLUMN together TEXT NOT NULL DEFAULT '[]';
ALTER TABLE appointments ADD COLUMN part_of TEXT;
CREATE INDEX appointments_by_start ON appointments (tenant_id, starts_at, id);
CREATE INDEX appointments_by_resource_start ON appointments (tenant_id, resource_id, starts_at, id);
CREATE INDEX appointments_by_contact_start ON appointments (tenant_id, contact_id, starts_at, id);
CREATE INDEX appointments_by_whole ON appointments (tenant_id, part_of) WHERE part_of IS NOT NULL;

ALTER TABLE appointments DROP CONSTRAINT appointments_apart;
ALTER TABLE appointments ADD CONSTRAINT appointments_apart EXCLUDE USING gist (
    tenant_id WITH =,
    resource_id WITH =,
    COALESCE(session, id) WITH <>,
    int8range(blocked_from, blocked_to) WITH &&
) WHERE (status IN ('held', 'confirmed'));
