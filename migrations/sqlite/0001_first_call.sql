-- What the first call needs: who is called, who answers, what can be booked, what was said and promised.
--
-- Instants are whole microseconds since 1970 in UTC. Ids are text. Every row belongs to a tenant, and every
-- reference carries the tenant with it, so that no row can point into another tenant's data. The folder beside
-- this one says the same to PostgreSQL, file by file.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    twilio_account_sid TEXT,
    calls_max INTEGER NOT NULL CHECK (calls_max >= 0)
) STRICT;

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
    recording INTEGER NOT NULL CHECK (recording IN (0, 1)),
    transcripts INTEGER NOT NULL CHECK (transcripts IN (0, 1)),
    tools TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

-- One number rings at one tenant: unique over all of them.
CREATE TABLE numbers (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    assistant_id TEXT NOT NULL,
    language TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id)
) STRICT;

CREATE TABLE resources (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

-- Weekly opening hours in the tenant's zone: seven lists of windows, Monday first.
CREATE TABLE schedules (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    week TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource_id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
) STRICT;

-- Dates on which other windows hold; an empty list means closed.
CREATE TABLE schedule_exceptions (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    date TEXT NOT NULL,
    windows TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource_id, date),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
) STRICT;

CREATE TABLE services (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    names TEXT NOT NULL,
    duration_min INTEGER NOT NULL CHECK (duration_min > 0),
    interval_min INTEGER NOT NULL,
    grid_offset_min INTEGER NOT NULL,
    buffer_before_min INTEGER NOT NULL,
    buffer_after_min INTEGER NOT NULL,
    notice_min INTEGER NOT NULL,
    horizon_days INTEGER NOT NULL,
    per_day_max INTEGER,
    per_week_max INTEGER,
    cancel_cutoff_min INTEGER NOT NULL,
    price TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
) STRICT;

CREATE TABLE service_resources (
    tenant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, service_id, resource_id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id)
) STRICT;

CREATE TABLE assistant_services (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id, service_id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id)
) STRICT;

CREATE TABLE contacts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT,
    born TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
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
    attested INTEGER NOT NULL CHECK (attested IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('ringing', 'in-progress', 'completed', 'failed')),
    state_rank INTEGER NOT NULL,
    outcome TEXT,
    rang_at INTEGER NOT NULL,
    answered_at INTEGER,
    ended_at INTEGER,
    cost_micro_usd INTEGER NOT NULL DEFAULT 0,
    recording TEXT,
    consent_at INTEGER,
    consent_wording TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id)
) STRICT;
CREATE INDEX calls_without_outcome ON calls (rang_at) WHERE outcome IS NULL;

CREATE TABLE turns (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    speaker TEXT NOT NULL,
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    heard_text TEXT NOT NULL,
    generated_ms INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL,
    interrupted INTEGER NOT NULL CHECK (interrupted IN (0, 1)),
    first_audio_ms INTEGER,
    PRIMARY KEY (tenant_id, call_id, ordinal),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;

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
    began_at INTEGER NOT NULL,
    took_ms INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, call_id, model_call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;

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
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    blocked_from INTEGER NOT NULL,
    blocked_to INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('held', 'confirmed', 'cancelled')),
    expires_at INTEGER,
    note TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    CHECK (starts_at < ends_at AND blocked_from <= starts_at AND ends_at <= blocked_to),
    CHECK ((status = 'held') = (expires_at IS NOT NULL)),
    CHECK (status <> 'confirmed' OR contact_id IS NOT NULL)
) STRICT;
CREATE INDEX appointments_by_time ON appointments (tenant_id, blocked_from) WHERE status <> 'cancelled';
CREATE INDEX appointments_by_contact ON appointments (tenant_id, contact_id, starts_at);
CREATE INDEX appointments_by_call ON appointments (tenant_id, call_id);
CREATE INDEX appointments_by_expiry ON appointments (expires_at) WHERE status = 'held';
CREATE INDEX appointments_by_resource ON appointments (tenant_id, resource_id, blocked_from)
WHERE status IN ('held', 'confirmed');

CREATE TRIGGER appointments_apart_when_made BEFORE INSERT ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed')
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;

CREATE TRIGGER appointments_apart_when_changed
BEFORE UPDATE OF tenant_id, resource_id, blocked_from, blocked_to, status ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed')
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;

-- What was asked of the ledger under which key, and what came of it: the same question gets the same answer, the
-- same key with another question is refused.
CREATE TABLE booking_requests (
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    asked TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT;
CREATE INDEX booking_requests_by_age ON booking_requests (made_at);

CREATE TABLE messages (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    call_id TEXT,
    name TEXT NOT NULL,
    number TEXT,
    text TEXT NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;

-- Work that is due: a kind and what it is about. `due_at` is when it may be taken next; taking it moves that to the
-- end of the lease.
CREATE TABLE jobs (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'given_up')),
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    problem TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, subject)
) STRICT;
CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'waiting';
