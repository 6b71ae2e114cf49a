-- Figures: what calls came to, day by day, kept apart from the calls, so that they outlive them and name nobody. Days and
-- hours are those of the tenant's clocks when the call was counted.

-- A call that is to be counted, or counted anew, carries when that became due; `counted` is what was added for it, as JSON,
-- so that it can be taken off again. The same for the steps appointments took.
ALTER TABLE calls ADD COLUMN to_count BIGINT;
ALTER TABLE calls ADD COLUMN counted TEXT;
UPDATE calls SET to_count = COALESCE(ended_at, rang_at) WHERE outcome IS NOT NULL;
CREATE INDEX calls_to_count ON calls (to_count) WHERE to_count IS NOT NULL;
ALTER TABLE appointment_history ADD COLUMN to_count BIGINT;
UPDATE appointment_history SET to_count = at;
CREATE INDEX appointment_history_to_count ON appointment_history (to_count) WHERE to_count IS NOT NULL;

-- `country` is the caller's, two capital letters, or nothing where the network did not say who calls. `minutes` are begun
-- minutes, as they are billed.
CREATE TABLE call_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    country TEXT NOT NULL,
    outcome TEXT NOT NULL,
    calls BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    minutes BIGINT NOT NULL,
    engine_micro_usd BIGINT NOT NULL,
    telephone_micro_usd BIGINT NOT NULL,
    agent_turns BIGINT NOT NULL,
    interruptions BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, assistant_id, number_id, direction, country, outcome)
);

CREATE TABLE hour_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    hour BIGINT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, hour, assistant_id, number_id, direction)
);

-- How long callers waited for replies: so many replies in each bucket of waiting times.
CREATE TABLE wait_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    replies BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, bucket, assistant_id, number_id, direction)
);

-- What appointments took in calls: booked, moved, cancelled.
CREATE TABLE step_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    what TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    steps BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, what, assistant_id, number_id, direction)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['call_figures', 'hour_figures', 'wait_figures', 'step_figures']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
