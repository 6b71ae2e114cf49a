-- Calling out: whom a tenant may call and when, who does not want to be called, what is to be called and what came of it,
-- and which reminders are made of appointments.

ALTER TABLE calls ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound' CHECK (direction IN ('inbound', 'outbound'));

-- Nobody is called before the tenant has said where their consent comes from. `touched` is where those who dial for one
-- tenant wait for each other, `plan_at` when it is next looked which reminders are due.
CREATE TABLE outgoing_settings (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    consent TEXT,
    countries TEXT NOT NULL,
    from_min INTEGER NOT NULL,
    until_min INTEGER NOT NULL,
    number_id TEXT,
    at_once_max INTEGER NOT NULL CHECK (at_once_max >= 0),
    voicemail INTEGER NOT NULL,
    touched INTEGER NOT NULL DEFAULT 0,
    plan_at INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id)
) STRICT;
CREATE INDEX outgoing_settings_to_plan ON outgoing_settings (plan_at);

-- Who does not want to be called. One row is enough, whoever said it and however.
CREATE TABLE opt_outs (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('staff', 'key', 'voice')),
    call_id TEXT,
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number)
) STRICT;

-- What is to be called: one row for each attempt, there before Twilio is asked. `asked_at` is when Twilio was asked to
-- dial: from then on it may have, and whoever goes on looks first. `busy_until` keeps two from it at once; `check_at` is
-- when Twilio is asked what became of a call of which nothing is heard. `for_start` is the start of the appointment a
-- reminder is about: moved, it is reminded of anew.
CREATE TABLE outgoing_calls (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    to_number TEXT NOT NULL,
    number_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    language TEXT NOT NULL,
    purpose TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('call', 'sms')),
    attempt INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    sms_after INTEGER NOT NULL,
    appointment_id TEXT,
    for_start INTEGER,
    contact_id TEXT,
    zone TEXT,
    due_at INTEGER NOT NULL,
    expires_at INTEGER,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dialling', 'placed', 'over', 'dropped')),
    why TEXT,
    said TEXT,
    problem TEXT,
    busy_until INTEGER NOT NULL DEFAULT 0,
    asks INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER,
    account_sid TEXT,
    sid TEXT,
    call_id TEXT,
    check_at INTEGER,
    request_key TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_key),
    FOREIGN KEY (tenant_id, number_id) REFERENCES numbers (tenant_id, id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, appointment_id) REFERENCES appointments (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX outgoing_calls_by_id ON outgoing_calls (id);
CREATE UNIQUE INDEX outgoing_calls_by_sid ON outgoing_calls (sid) WHERE sid IS NOT NULL;
CREATE UNIQUE INDEX outgoing_calls_once ON outgoing_calls (tenant_id, appointment_id, kind, for_start, attempt)
WHERE for_start IS NOT NULL;
CREATE INDEX outgoing_calls_due ON outgoing_calls (tenant_id, due_at) WHERE state IN ('waiting', 'dialling');
CREATE INDEX outgoing_calls_due_anywhere ON outgoing_calls (due_at) WHERE state IN ('waiting', 'dialling');
CREATE INDEX outgoing_calls_in_air ON outgoing_calls (tenant_id) WHERE state IN ('dialling', 'placed');
CREATE INDEX outgoing_calls_to_check ON outgoing_calls (check_at) WHERE state = 'placed';
CREATE INDEX outgoing_calls_of_person ON outgoing_calls (tenant_id, to_number, asked_at);
CREATE INDEX outgoing_calls_by_time ON outgoing_calls (tenant_id, created_at, id);

-- Whose turn it is to have Twilio dial: an account may ask once a second, however many tenants and processes use it.
CREATE TABLE dial_turns (
    account_sid TEXT NOT NULL PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT;

-- What people are reminded of, and how long before. `since` is when the rule was made: what was due before is not made up
-- for; `planned_until` how far it has been looked at.
CREATE TABLE reminder_rules (
    tenant_id TEXT NOT NULL,
    service_id TEXT NOT NULL,
    lead_min INTEGER NOT NULL CHECK (lead_min > 0),
    channel TEXT NOT NULL CHECK (channel IN ('call', 'sms')),
    attempts_max INTEGER NOT NULL CHECK (attempts_max >= 1),
    sms_after INTEGER NOT NULL,
    wording TEXT NOT NULL,
    since INTEGER NOT NULL,
    planned_until INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, service_id, lead_min),
    FOREIGN KEY (tenant_id, service_id) REFERENCES services (tenant_id, id) ON DELETE CASCADE
) STRICT;
