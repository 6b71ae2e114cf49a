-- Forgetting: how long each kind of thing is kept, people who are to be forgotten, copies of what is known of somebody.

-- For how many days what is kept of each kind; a tenant without a row keeps as long as is usual. `by_caller` is what
-- becomes of a caller's own wish to be forgotten.
CREATE TABLE retention (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    recordings BIGINT NOT NULL CHECK (recordings >= 1),
    transcripts BIGINT NOT NULL CHECK (transcripts >= 1),
    messages BIGINT NOT NULL CHECK (messages >= 1),
    calls BIGINT NOT NULL CHECK (calls >= 1),
    appointments BIGINT NOT NULL CHECK (appointments >= 1),
    contacts BIGINT NOT NULL CHECK (contacts >= 1),
    by_caller TEXT NOT NULL CHECK (by_caller IN ('approve', 'at_once')),
    revision BIGINT NOT NULL DEFAULT 1
);
-- When it is next looked what has been kept for long enough.
ALTER TABLE tenants ADD COLUMN purge_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tenants_to_purge ON tenants (purge_at);
-- A call whose words are forgotten is looked at no more for them.
ALTER TABLE calls ADD COLUMN wordless BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX calls_with_words ON calls (tenant_id, rang_at, id) WHERE NOT wordless;
CREATE INDEX calls_with_recording ON calls (tenant_id, rang_at, id) WHERE recording IS NOT NULL;
CREATE INDEX messages_with_sound ON messages (tenant_id, left_at, id) WHERE recording IS NOT NULL;
CREATE INDEX messages_by_number ON messages (tenant_id, number);
CREATE INDEX contacts_by_age ON contacts (tenant_id, created_at, id);
CREATE INDEX outgoing_calls_of_contact ON outgoing_calls (tenant_id, contact_id) WHERE contact_id IS NOT NULL;

-- Somebody who is to be forgotten. Whom is known only until it is done; what stays is the receipt.
CREATE TABLE erasures (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    number TEXT,
    contact_id TEXT,
    digits TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'running', 'done', 'declined')),
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    approved_by TEXT,
    ended_at BIGINT,
    -- How many of what went, as JSON.
    counts TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id),
    CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'declined')))
);
CREATE INDEX erasures_running ON erasures (asked_at) WHERE state = 'running';

-- A copy of what is known of somebody, or of everything of the tenant's (`whole`). `key` opens it and is itself sealed.
CREATE TABLE exports (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    whole BOOLEAN NOT NULL,
    number TEXT,
    contact_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    done_at BIGINT,
    expires_at BIGINT NOT NULL,
    key BYTEA,
    length BIGINT NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX exports_by_id ON exports (id);
CREATE INDEX exports_by_expiry ON exports (expires_at);
CREATE INDEX exports_running ON exports (asked_at) WHERE state = 'running';

-- Tenants that are to be forgotten, or were. They belong to nobody but the operator, and outlive the tenant.
CREATE TABLE tenant_erasures (
    id TEXT NOT NULL PRIMARY KEY,
    whose TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    ended_at BIGINT,
    counts TEXT NOT NULL DEFAULT '{}'
);
-- A tenant that goes takes logins there and letters with it.
CREATE INDEX sessions_by_tenant ON sessions (at_tenant);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX mails_by_recipient ON mails (recipient);
CREATE UNIQUE INDEX tenant_erasures_by_whose ON tenant_erasures (whose);
CREATE INDEX tenant_erasures_running ON tenant_erasures (asked_at) WHERE state = 'running';

-- What has happened stays until all of the tenant goes: the database holds that.
CREATE POLICY only_with_the_tenant ON audit_entries AS RESTRICTIVE FOR DELETE
    USING (EXISTS (SELECT 1 FROM tenant_erasures e WHERE e.whose = tenant_id AND e.state = 'running'));

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['retention', 'erasures', 'exports']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
