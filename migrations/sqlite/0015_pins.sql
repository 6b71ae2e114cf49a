-- Who calls, proven by keys: secret numbers of contacts, and which services ask for them.

-- Appointments for such a service are told, moved and cancelled only to who has typed their PIN.
ALTER TABLE services ADD COLUMN sensitive INTEGER NOT NULL DEFAULT 0;

-- A contact's PIN, sealed. `failures` counts wrong ones in a row, over all calls; after too many none is taken until
-- `resting_until`.
CREATE TABLE contact_pins (
    tenant_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    pin BLOB NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    resting_until INTEGER,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX contact_pins_by_contact ON contact_pins (contact_id);
