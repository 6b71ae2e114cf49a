-- Who calls, proven by keys: secret numbers of contacts, and which services ask for them.

-- Appointments for such a service are told, moved and cancelled only to who has typed their PIN.
ALTER TABLE services ADD COLUMN sensitive BOOLEAN NOT NULL DEFAULT FALSE;

-- A contact's PIN, sealed. `failures` counts wrong ones in a row, over all calls; after too many none is taken until
-- `resting_until`.
CREATE TABLE contact_pins (
    tenant_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    pin BYTEA NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    resting_until BIGINT,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX contact_pins_by_contact ON contact_pins (contact_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact_pins']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
