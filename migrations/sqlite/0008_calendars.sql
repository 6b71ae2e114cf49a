-- Calendars outside: who has agreed to their use, which calendars there are, what stands in them, what we wrote there.

-- A way into somebody's calendars. Tokens are sealed; `generation` counts them, so that whoever renews a token knows
-- whether another was faster, and `renewing_until` keeps two from renewing at once.
CREATE TABLE calendar_connections (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    vendor TEXT NOT NULL CHECK (vendor IN ('google', 'microsoft')),
    consent TEXT NOT NULL CHECK (consent IN ('person', 'organisation')),
    account TEXT NOT NULL,
    directory TEXT,
    personal INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('connected', 'reconnect', 'disconnected')),
    problem TEXT,
    scopes TEXT NOT NULL DEFAULT '',
    refresh_token BLOB,
    access_token BLOB,
    access_expires_at INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    renewing_until INTEGER NOT NULL DEFAULT 0,
    connected_by TEXT NOT NULL,
    connected_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX calendar_connections_by_id ON calendar_connections (id);
CREATE INDEX calendar_connections_by_account ON calendar_connections (vendor, account);
CREATE INDEX calendar_connections_by_directory ON calendar_connections (directory);

-- Somebody on their way to a vendor's page and back. The state is kept as its SHA-256, the verifier sealed.
CREATE TABLE calendar_consents (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    state_hash TEXT NOT NULL UNIQUE,
    browser_hash TEXT NOT NULL,
    verifier BLOB NOT NULL,
    vendor TEXT NOT NULL CHECK (vendor IN ('google', 'microsoft')),
    consent TEXT NOT NULL CHECK (consent IN ('person', 'organisation')),
    directory TEXT,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    connection_id TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES calendar_connections (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX calendar_consents_by_id ON calendar_consents (id);
CREATE INDEX calendar_consents_by_expiry ON calendar_consents (expires_at);

-- A calendar and how far we know it. `generation` counts changes of what stands in it; `round` is the round of asking
-- for everything that is under way, `mark` how far it has come, `reaches_until` what it covers. `watch_…` is how its
-- vendor tells of changes; the secret it proves itself with is kept as its SHA-256.
CREATE TABLE calendars (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    mailbox TEXT NOT NULL DEFAULT '',
    foreign_id TEXT NOT NULL,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    main INTEGER NOT NULL DEFAULT 0,
    access TEXT NOT NULL CHECK (access IN ('free_busy', 'read', 'write')),
    there INTEGER NOT NULL DEFAULT 1,
    problem TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    round INTEGER NOT NULL DEFAULT 0,
    round_done INTEGER NOT NULL DEFAULT 0,
    mark TEXT,
    reaches_from INTEGER NOT NULL DEFAULT 0,
    reaches_until INTEGER NOT NULL DEFAULT 0,
    synced_at INTEGER NOT NULL DEFAULT 0,
    sync_due_at INTEGER NOT NULL DEFAULT 0,
    watch_id TEXT,
    watch_resource TEXT,
    watch_secret_hash TEXT,
    watch_until INTEGER NOT NULL DEFAULT 0,
    watch_due_at INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, connection_id, mailbox, foreign_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES calendar_connections (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX calendars_by_watch ON calendars (watch_id) WHERE watch_id IS NOT NULL;
CREATE INDEX calendars_by_sync ON calendars (sync_due_at);

-- What takes time in a calendar, and no more than that. `made_at` is when the event was made, where that is known.
CREATE TABLE calendar_events (
    tenant_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    foreign_id TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    etag TEXT,
    made_at INTEGER,
    appointment_id TEXT,
    round INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, calendar_id, foreign_id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX calendar_events_by_time ON calendar_events (tenant_id, calendar_id, ends_at, starts_at);
CREATE INDEX calendar_events_by_round ON calendar_events (tenant_id, calendar_id, round);

-- Which calendars keep others out of a resource's time, and into which its appointments are written.
CREATE TABLE resource_calendars (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    blocks INTEGER NOT NULL,
    target INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, resource_id, calendar_id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX resource_calendars_target ON resource_calendars (tenant_id, resource_id) WHERE target;
CREATE INDEX resource_calendars_by_calendar ON resource_calendars (tenant_id, calendar_id);

-- `pending` is promised, and its calendar has not answered yet; `asked_at` is when the calendars were last asked about
-- its time. `clashing` stands where its calendar has put it, in another's place: nothing of ours ever does that.
ALTER TABLE appointments ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE appointments ADD COLUMN asked_at INTEGER;
ALTER TABLE appointments ADD COLUMN clashing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX appointments_pending ON appointments (tenant_id, created_at) WHERE pending;
CREATE INDEX appointments_clashing ON appointments (tenant_id, id) WHERE clashing;
DROP TRIGGER appointments_apart_when_made;
CREATE TRIGGER appointments_apart_when_made BEFORE INSERT ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND NOT NEW.clashing AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed') AND NOT other.clashing
      AND COALESCE(other.session, other.id) <> COALESCE(NEW.session, NEW.id)
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;

DROP TRIGGER appointments_apart_when_changed;
CREATE TRIGGER appointments_apart_when_changed
BEFORE UPDATE OF tenant_id, resource_id, blocked_from, blocked_to, status, session, clashing ON appointments
WHEN NEW.status IN ('held', 'confirmed') AND NOT NEW.clashing AND EXISTS (
    SELECT 1 FROM appointments AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.resource_id = NEW.resource_id AND other.id <> NEW.id
      AND other.status IN ('held', 'confirmed') AND NOT other.clashing
      AND COALESCE(other.session, other.id) <> COALESCE(NEW.session, NEW.id)
      AND other.blocked_from < NEW.blocked_to AND NEW.blocked_from < other.blocked_to
)
BEGIN
    SELECT RAISE(ABORT, 'appointments_apart');
END;

-- What we wrote for an appointment, and where. The row is there before the event is, so that it is found again.
-- `naming` counts the names an event has had: one that was deleted keeps its name for ever.
CREATE TABLE appointment_events (
    tenant_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    naming INTEGER NOT NULL DEFAULT 0,
    foreign_id TEXT,
    etag TEXT,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    written_at INTEGER,
    PRIMARY KEY (tenant_id, appointment_id, calendar_id),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id)
) STRICT;
CREATE INDEX appointment_events_by_event ON appointment_events (tenant_id, calendar_id, foreign_id);
CREATE INDEX appointment_events_by_time ON appointment_events (tenant_id, calendar_id, ends_at);

-- What became of an appointment, step by step. `by` is who did it: a call, a person, a program, a calendar, the system.
CREATE TABLE appointment_history (
    tenant_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    resource_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, appointment_id, ordinal),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- Two things that want the same time, until one of them yields.
CREATE TABLE clashes (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    calendar_id TEXT,
    foreign_id TEXT NOT NULL DEFAULT '',
    what TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    settled_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, appointment_id, what, foreign_id),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id)
) STRICT;
CREATE INDEX clashes_by_time ON clashes (tenant_id, found_at, id);

-- Whether a contact is invited by mail, and where to.
ALTER TABLE services ADD COLUMN invites INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN email TEXT;

-- Whom work must not wait for: calendars are written promptly, whatever else is being done.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'slow' CHECK (lane IN ('slow', 'prompt'));
-- Work that is being done is nobody else's until `leased_until`; asked for meanwhile (`asked` counts that), it is done again.
ALTER TABLE jobs ADD COLUMN leased_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (lane, due_at) WHERE state = 'waiting';
