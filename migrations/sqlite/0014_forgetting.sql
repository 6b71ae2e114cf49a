-- Forgetting: how long each kind of thing is kept, people who are to be forgotten, copies of what is known of somebody.

-- For how many days what is kept of each kind; a tenant without a row keeps as long as is usual. `by_caller` is what
-- becomes of a caller's own wish to be forgotten.
CREATE TABLE retention (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    recordings INTEGER NOT NULL CHECK (recordings >= 1),
    transcripts INTEGER NOT NULL CHECK (transcripts >= 1),
    messages INTEGER NOT NULL CHECK (messages >= 1),
    calls INTEGER NOT NULL CHECK (calls >= 1),
    appointments INTEGER NOT NULL CHECK (appointments >= 1),
    contacts INTEGER NOT NULL CHECK (contacts >= 1),
    by_caller TEXT NOT NULL CHECK (by_caller IN ('approve', 'at_once')),
    revision INTEGER NOT NULL DEFAULT 1
) STRICT;
-- When it is next looked what has been kept for long enough.
ALTER TABLE tenants ADD COLUMN purge_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tenants_to_purge ON tenants (purge_at);
-- A call whose words are forgotten is looked at no more for them.
ALTER TABLE calls ADD COLUMN wordless INTEGER NOT NULL DEFAULT 0 CHECK (wordless IN (0, 1));
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
    asked_at INTEGER NOT NULL,
    approved_by TEXT,
    ended_at INTEGER,
    -- How many of what went, as JSON.
    counts TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id),
    CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'declined')))
) STRICT;
CREATE INDEX erasures_running ON erasures (asked_at) WHERE state = 'running';

-- A copy of what is known of somebody, or of everything of the tenant's (`whole`). `key` opens it and is itself sealed.
CREATE TABLE exports (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
    number TEXT,
    contact_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    done_at INTEGER,
    expires_at INTEGER NOT NULL,
    key BLOB,
    length INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX exports_by_id ON exports (id);
CREATE INDEX exports_by_expiry ON exports (expires_at);
CREATE INDEX exports_running ON exports (asked_at) WHERE state = 'running';

-- Tenants that are to be forgotten, or were. They belong to nobody but the operator, and outlive the tenant.
CREATE TABLE tenant_erasures (
    id TEXT NOT NULL PRIMARY KEY,
    whose TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    ended_at INTEGER,
    counts TEXT NOT NULL DEFAULT '{}'
) STRICT;
-- A tenant that goes takes logins there and letters with it.
CREATE INDEX sessions_by_tenant ON sessions (at_tenant);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX mails_by_recipient ON mails (recipient);
CREATE UNIQUE INDEX tenant_erasures_by_whose ON tenant_erasures (whose);
CREATE INDEX tenant_erasures_running ON tenant_erasures (asked_at) WHERE state = 'running';
