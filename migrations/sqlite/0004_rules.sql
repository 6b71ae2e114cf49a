-- Rules of what can be booked, and groups: several appointments in one session.

ALTER TABLE services ADD COLUMN per_month_max INTEGER;
ALTER TABLE services ADD COLUMN minutes_per_day_max INTEGER;
ALTER TABLE services ADD COLUMN capacity INTEGER NOT NULL DEFAULT 1 CHECK (capacity >= 1);
ALTER TABLE services ADD COLUMN selection TEXT NOT NULL DEFAULT 'any'
    CHECK (selection IN ('any', 'round_robin', 'all'));
-- Words for an event's time that block, and names of calendars, as JSON; no list of calendars means all of them.
ALTER TABLE services ADD COLUMN blocking TEXT NOT NULL DEFAULT '["busy","tentative","out_of_office"]';
ALTER TABLE services ADD COLUMN conflict_calendars TEXT;

ALTER TABLE appointments ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE appointments ADD COLUMN seats INTEGER NOT NULL DEFAULT 1 CHECK (seats >= 1);
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

DROP TRIGGER appointments_apart_when_made;
CREATE TRIGGER appointments_apart_when_made BEFORE INSERT ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed')
      AND COALESCE(other.session, other.id) <> COALESCE(NEW.session, NEW.id)
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;

DROP TRIGGER appointments_apart_when_changed;
CREATE TRIGGER appointments_apart_when_changed
BEFORE UPDATE OF tenant_id, resource_id, blocked_from, blocked_to, status, session ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed')
      AND COALESCE(other.session, other.id) <> COALESCE(NEW.session, NEW.id)
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;
