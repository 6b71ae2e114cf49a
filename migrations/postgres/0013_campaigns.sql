-- Campaigns: many people called for one reason; and the waiting list: who wants a time that is given back.

-- What brings an attempt about besides its kind: a campaign and its entry, or an offer and its entry on the waiting list.
ALTER TABLE outgoing_calls ADD COLUMN cause_id TEXT;
ALTER TABLE outgoing_calls ADD COLUMN cause_entry_id TEXT;
CREATE UNIQUE INDEX outgoing_calls_once_of_cause ON outgoing_calls (tenant_id, cause_id, cause_entry_id, attempt)
WHERE cause_id IS NOT NULL;
CREATE INDEX outgoing_calls_of_cause ON outgoing_calls (tenant_id, cause_id, state) WHERE cause_id IS NOT NULL;

-- `plan_at` is when it is next looked whom to call. Days are dates where the tenant is, hours minutes since midnight where
-- the called person is.
CREATE TABLE campaigns (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    language TEXT NOT NULL,
    purpose TEXT NOT NULL,
    first_day TEXT,
    last_day TEXT NOT NULL,
    from_min BIGINT NOT NULL,
    until_min BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL CHECK (attempts_max >= 1),
    retry_min BIGINT NOT NULL,
    retried TEXT NOT NULL,
    at_once_max BIGINT NOT NULL CHECK (at_once_max >= 1),
    starts_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'ended', 'cancelled')),
    plan_at BIGINT NOT NULL DEFAULT 0,
    request_key TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    ended_at BIGINT,
    revision BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_key),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id)
);
CREATE INDEX campaigns_by_time ON campaigns (tenant_id, created_at, id);
CREATE INDEX campaigns_to_plan ON campaigns (plan_at) WHERE state = 'running';

-- Whom a campaign calls, each number once; also those who are refused, with `number` as it was given. `attempts` counts
-- what was planned, `outgoing_id` is the last of it.
CREATE TABLE campaign_entries (
    tenant_id TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    id TEXT NOT NULL,
    position BIGINT NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    contact_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'calling', 'done', 'refused')),
    why TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    outgoing_id TEXT,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, campaign_id, number),
    UNIQUE (tenant_id, campaign_id, position),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX campaign_entries_next ON campaign_entries (tenant_id, campaign_id, next_at, position)
WHERE state = 'waiting';
CREATE INDEX campaign_entries_by_state ON campaign_entries (tenant_id, campaign_id, state, why);
CREATE INDEX campaign_entries_of_person ON campaign_entries (tenant_id, number);

-- The services whose freed times are offered to those who wait, and how close to their beginning at the latest.
CREATE TABLE offer_rules (
    tenant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    latest_min BIGINT NOT NULL CHECK (latest_min >= 0),
    PRIMARY KEY (tenant_id, service_id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id) ON DELETE CASCADE
);

-- Who wants an earlier time. Who they are stands with the contact. `appointment_id` is what they have and would move.
CREATE TABLE waiting_list (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    resources TEXT NOT NULL,
    first_day TEXT NOT NULL,
    last_day TEXT NOT NULL,
    from_min BIGINT NOT NULL,
    until_min BIGINT NOT NULL,
    appointment_id TEXT,
    language TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'booked', 'over')),
    joined_at BIGINT NOT NULL,
    joined_by TEXT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX waiting_list_by_time ON waiting_list (tenant_id, joined_at, id);
CREATE INDEX waiting_list_of_service ON waiting_list (tenant_id, service_id, joined_at, id)
WHERE state = 'waiting';
CREATE INDEX waiting_list_of_contact ON waiting_list (tenant_id, contact_id);

-- Times that were given back and are offered: one person at a time, whose entry and attempt stand here while they are asked,
-- with the hold that keeps the time for them. `freed_by` is the appointment that gave it back, `look_at` when somebody looks
-- whom to ask next.
CREATE TABLE offers (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    freed_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'over')),
    waiting_id TEXT,
    outgoing_id TEXT,
    hold_id TEXT,
    look_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, freed_by, starts_at, made_at),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX offers_to_look_at ON offers (look_at) WHERE state = 'open';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['campaigns', 'campaign_entries', 'offer_rules', 'waiting_list', 'offers']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
