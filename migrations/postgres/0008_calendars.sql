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
    personal BOOLEAN NOT NULL DEFAULT FALSE,
    state TEXT NOT NULL CHECK (state IN ('connected', 'reconnect', 'disconnected')),
    problem TEXT,
    scopes TEXT NOT NULL DEFAULT '',
    refresh_token BYTEA,
    access_token BYTEA,
    access_expires_at BIGINT NOT NULL DEFAULT 0,
    generation BIGINT NOT NULL DEFAULT 0,
    renewing_until BIGINT NOT NULL DEFAULT 0,
    connected_by TEXT NOT NULL,
    connected_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX calendar_connections_by_id ON calendar_connections (id);
CREATE INDEX calendar_connections_by_account ON calendar_connections (vendor, account);
CREATE INDEX calendar_connections_by_directory ON calendar_connections (directory);

-- Somebody on their way to a vendor's page and back. The state is kept as its SHA-256, the verifier sealed.
CREATE TABLE calendar_consents (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    state_hash TEXT NOT NULL UNIQUE,
    browser_hash TEXT NOT NULL,
    verifier BYTEA NOT NULL,
    vendor TEXT NOT NULL CHECK (vendor IN ('google', 'microsoft')),
    consent TEXT NOT NULL CHECK (consent IN ('person', 'organisation')),
    directory TEXT,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    connection_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES calendar_connections (tenant_id, id)
);
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
    main BOOLEAN NOT NULL DEFAULT FALSE,
    access TEXT NOT NULL CHECK (access IN ('free_busy', 'read', 'write')),
    there BOOLEAN NOT NULL DEFAULT TRUE,
    problem TEXT,
    generation BIGINT NOT NULL DEFAULT 0,
    round BIGINT NOT NULL DEFAULT 0,
    round_done BIGINT NOT NULL DEFAULT 0,
    mark TEXT,
    reaches_from BIGINT NOT NULL DEFAULT 0,
    reaches_until BIGINT NOT NULL DEFAULT 0,
    synced_at BIGINT NOT NULL DEFAULT 0,
    sync_due_at BIGINT NOT NULL DEFAULT 0,
    watch_id TEXT,
    watch_resource TEXT,
    watch_secret_hash TEXT,
    watch_until BIGINT NOT NULL DEFAULT 0,
    watch_due_at BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, connection_id, mailbox, foreign_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES calendar_connections (tenant_id, id)
);
CREATE UNIQUE INDEX calendars_by_watch ON calendars (watch_id) WHERE watch_id IS NOT NULL;
CREATE INDEX calendars_by_sync ON calendars (sync_due_at);

-- What takes time in a calendar, and no more than that. `made_at` is when the event was made, where that is known.
CREATE TABLE calendar_events (
    tenant_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    foreign_id TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    etag TEXT,
    made_at BIGINT,
    appointment_id TEXT,
    round BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, calendar_id, foreign_id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX calendar_events_by_time ON calendar_events (tenant_id, calendar_id, ends_at, starts_at);
CREATE INDEX calendar_events_by_round ON calendar_events (tenant_id, calendar_id, round);

-- Which calendars keep others out of a resource's time, and into which its appointments are written.
CREATE TABLE resource_calendars (
    tenant_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    blocks BOOLEAN NOT NULL,
    target BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, resource_id, calendar_id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX resource_calendars_target ON resource_calendars (tenant_id, resource_id) WHERE target;
CREATE INDEX resource_calendars_by_calendar ON resource_calendars (tenant_id, calendar_id);

-- `pending` is promised, and its calendar has not answered yet; `asked_at` is when the calendars were last asked about
-- its time. `clashing` stands where its calendar has put it, in another's place: nothing of ours ever does that.
ALTER TABLE appointments ADD COLUMN pending BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE appointments ADD COLUMN asked_at BIGINT;
ALTER TABLE appointments ADD COLUMN clashing BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX appointments_pending ON appointments (tenant_id, created_at) WHERE pending;
CREATE INDEX appointments_clashing ON appointments (tenant_id, id) WHERE clashing;
ALTER TABLE appointments DROP CONSTRAINT appointments_apart;
ALTER TABLE appointments ADD CONSTRAINT appointments_apart EXCLUDE USING gist (
    tenant_id WITH =,
    resource_id WITH =,
    COALESCE(session, id) WITH <>,
    int8range(blocked_from, blocked_to) WITH &&
) WHERE (status IN ('held', 'confirmed') AND NOT clashing);

-- What we wrote for an appointment, and where. The row is there before the event is, so that it is found again.
-- `naming` counts the names an event has had: one that was deleted keeps its name for ever.
CREATE TABLE appointment_events (
    tenant_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    calendar_id TEXT NOT NULL,
    naming BIGINT NOT NULL DEFAULT 0,
    foreign_id TEXT,
    etag TEXT,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    written_at BIGINT,
    PRIMARY KEY (tenant_id, appointment_id, calendar_id),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id)
);
CREATE INDEX appointment_events_by_event ON appointment_events (tenant_id, calendar_id, foreign_id);
CREATE INDEX appointment_events_by_time ON appointment_events (tenant_id, calendar_id, ends_at);

-- What became of an appointment, step by step. `by` is who did it: a call, a person, a program, a calendar, the system.
CREATE TABLE appointment_history (
    tenant_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    resource_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, appointment_id, ordinal),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE
);

-- Two things that want the same time, until one of them yields.
CREATE TABLE clashes (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    calendar_id TEXT,
    foreign_id TEXT NOT NULL DEFAULT '',
    what TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, appointment_id, what, foreign_id),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id)
);
CREATE INDEX clashes_by_time ON clashes (tenant_id, found_at, id);

-- Whether a contact is invited by mail, and where to.
ALTER TABLE services ADD COLUMN invites BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE contacts ADD COLUMN email TEXT;

-- Whom work must not wait for: calendars are written promptly, whatever else is being done.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'slow' CHECK (lane IN ('slow', 'prompt'));
-- Work that is being done is nobody else's until `leased_until`; asked for meanwhile (`asked` counts that), it is done again.
ALTER TABLE jobs ADD COLUMN leased_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (lane, due_at) WHERE state = 'waiting';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['calendar_connections', 'calendar_consents', 'calendars', 'calendar_events',
        'resource_calendars', 'appointment_events', 'appointment_history', 'clashes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
