-- What the first call needs: who is called, who answers, what can be booked, what was said and promised.
--
-- Instants are whole microseconds since 1970 in UTC. Ids are text. Every row belongs to a tenant, and every
-- reference carries the tenant with it, so that no row can point into another tenant's data. The folder beside
-- this one says the same to SQLite, file by file.

-- For "the same resource and overlapping ranges" in one constraint. Ships with PostgreSQL (contrib); the owner of a
-- database may create it.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    twilio_account_sid TEXT,
    calls_max BIGINT NOT NULL CHECK (calls_max >= 0)
);

-- Languages, opening words, tools and the turn policy are JSON: they are read and written whole.
CREATE TABLE assistants (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    fallback TEXT,
    voice TEXT NOT NULL,
    model TEXT,
    instructions TEXT NOT NULL,
    opening TEXT NOT NULL,
    policy TEXT NOT NULL,
    recording BOOLEAN NOT NULL,
    transcripts BOOLEAN NOT NULL,
    tools TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- One number rings at one tenant: unique over all of them.
CREATE TABLE numbers (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    assistant_id TEXT NOT NULL,
    language TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id)
);

CREATE TABLE resources (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- Weekly opening hours in the tenant's zone: seven lists of windows, Monday first.
CREATE TABLE schedules (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    week TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource_id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
);

-- Dates on which other windows hold; an empty list means closed.
CREATE TABLE schedule_exceptions (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    date TEXT NOT NULL,
    windows TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource_id, date),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
);

CREATE TABLE services (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    names TEXT NOT NULL,
    duration_min BIGINT NOT NULL CHECK (duration_min > 0),
    interval_min BIGINT NOT NULL,
    grid_offset_min BIGINT NOT NULL,
    buffer_before_min BIGINT NOT NULL,
    buffer_after_min BIGINT NOT NULL,
    notice_min BIGINT NOT NULL,
    horizon_days BIGINT NOT NULL,
    per_day_max BIGINT,
    per_week_max BIGINT,
    cancel_cutoff_min BIGINT NOT NULL,
    price TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
);

CREATE TABLE service_resources (
    tenant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, service_id, resource_id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
);

CREATE TABLE assistant_services (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id, service_id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id)
);

CREATE TABLE contacts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT,
    born TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX contacts_by_number ON contacts (tenant_id, number);

-- From ring to hang-up. `state_rank` only grows; the highest is never left.
CREATE TABLE calls (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL,
    number_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    from_number TEXT,
    to_number TEXT NOT NULL,
    attested BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ringing', 'in-progress', 'completed', 'failed')),
    state_rank BIGINT NOT NULL,
    outcome TEXT,
    rang_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT,
    cost_micro_usd BIGINT NOT NULL DEFAULT 0,
    recording TEXT,
    consent_at BIGINT,
    consent_wording TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id)
);
CREATE INDEX calls_without_outcome ON calls (rang_at) WHERE outcome IS NULL;

CREATE TABLE turns (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    speaker TEXT NOT NULL,
    began_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    text TEXT NOT NULL,
    heard_text TEXT NOT NULL,
    generated_ms BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    interrupted BOOLEAN NOT NULL,
    first_audio_ms BIGINT,
    PRIMARY KEY (tenant_id, call_id, ordinal),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

-- What the model asked for, once per (call, the model's own id): a repeated request finds its first answer here.
CREATE TABLE tool_calls (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    model_call_id TEXT NOT NULL,
    name TEXT NOT NULL,
    arguments TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'answered', 'failed')),
    output TEXT,
    began_at BIGINT NOT NULL,
    took_ms BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, call_id, model_call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

-- Times promised and times held. `blocked_from` to `blocked_to` is the time with the service's own buffers; no two
-- that count may overlap with the same resource, so one's buffer after and the next one's buffer before add up.
-- That is refused here, by the database, whatever the program above believes.
CREATE TABLE appointments (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    contact_id TEXT,
    call_id TEXT,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    blocked_from BIGINT NOT NULL,
    blocked_to BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('held', 'confirmed', 'cancelled')),
    expires_at BIGINT,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    CHECK (starts_at < ends_at AND blocked_from <= starts_at AND ends_at <= blocked_to),
    CHECK ((status = 'held') = (expires_at IS NOT NULL)),
    CHECK (status <> 'confirmed' OR contact_id IS NOT NULL),
    CONSTRAINT appointments_apart EXCLUDE USING gist (
        tenant_id WITH =,
        resource_id WITH =,
        int8range(blocked_from, blocked_to) WITH &&
    ) WHERE (status IN ('held', 'confirmed'))
);
CREATE INDEX appointments_by_time ON appointments (tenant_id, blocked_from) WHERE status <> 'cancelled';
CREATE INDEX appointments_by_contact ON appointments (tenant_id, contact_id, starts_at);
CREATE INDEX appointments_by_call ON appointments (tenant_id, call_id);
CREATE INDEX appointments_by_expiry ON appointments (expires_at) WHERE status = 'held';

-- What was asked of the ledger under which key, and what came of it: the same question gets the same answer, the
-- same key with another question is refused.
CREATE TABLE booking_requests (
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    asked TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX booking_requests_by_age ON booking_requests (made_at);

CREATE TABLE messages (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    call_id TEXT,
    name TEXT NOT NULL,
    number TEXT,
    text TEXT NOT NULL,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

-- Work that is due: a kind and what it is about. `due_at` is when it may be taken next; taking it moves that to the
-- end of the lease.
CREATE TABLE jobs (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'given_up')),
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    problem TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, subject)
);
CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'waiting';
