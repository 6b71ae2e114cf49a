-- Pauses: the assistant steps back at one number or at all of them, until a time, and callers go to a number of the
-- business's, or leave a message.

-- `number_id` is empty for all numbers. Without a row nobody has ever said anything about it.
CREATE TABLE pauses (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    number_id TEXT NOT NULL,
    paused_until BIGINT,
    fallback TEXT,
    revision BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, number_id)
);
-- A call in which the assistant has stepped back.
ALTER TABLE calls ADD COLUMN stepped_back BOOLEAN NOT NULL DEFAULT FALSE;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pauses']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
