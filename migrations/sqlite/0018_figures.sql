-- Figures: what calls came to, day by day, kept apart from the calls, so that they outlive them and name nobody. Days and
-- hours are those of the tenant's clocks when the call was counted.

-- A call that is to be counted, or counted anew, carries when that became due; `counted` is what was added for it, as JSON,
-- so that it can be taken off again. The same for the steps appointments took.
ALTER TABLE calls ADD COLUMN to_count INTEGER;
ALTER TABLE calls ADD COLUMN counted TEXT;
UPDATE calls SET to_count = COALESCE(ended_at, rang_at) WHERE outcome IS NOT NULL;
CREATE INDEX calls_to_count ON calls (to_count) WHERE to_count IS NOT NULL;
ALTER TABLE appointment_history ADD COLUMN to_count INTEGER;
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
    calls INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    engine_micro_usd INTEGER NOT NULL,
    telephone_micro_usd INTEGER NOT NULL,
    agent_turns INTEGER NOT NULL,
    interruptions INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, assistant_id, number_id, direction, country, outcome)
) STRICT;

CREATE TABLE hour_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    hour INTEGER NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, hour, assistant_id, number_id, direction)
) STRICT;

-- How long callers waited for replies: so many replies in each bucket of waiting times.
CREATE TABLE wait_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    replies INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, bucket, assistant_id, number_id, direction)
) STRICT;

-- What appointments took in calls: booked, moved, cancelled.
CREATE TABLE step_figures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL,
    what TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    steps INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, what, assistant_id, number_id, direction)
) STRICT;
