-- People a caller may be passed on to, which of them an assistant may use, and what became of it.

CREATE TABLE transfer_targets (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    -- Opening hours as JSON: the week and the exceptions; none means always.
    week TEXT,
    exceptions TEXT NOT NULL DEFAULT '[]',
    announced INTEGER NOT NULL DEFAULT 1,
    active INTEGER NOT NULL DEFAULT 1,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE assistant_targets (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id, target_id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, target_id) REFERENCES transfer_targets (tenant_id, id)
) STRICT;
CREATE INDEX assistant_targets_by_target ON assistant_targets (tenant_id, target_id);

-- What stood with the assistants themselves. The same name means the same target.
INSERT INTO transfer_targets (tenant_id, id, name, number, announced)
    SELECT a.tenant_id, 'tgt_' || lower(hex(randomblob(16))), json_extract(t.value, '$[0]'),
        max(json_extract(t.value, '$[1]')), 0
    FROM assistants a, json_each(a.transfers) t GROUP BY a.tenant_id, json_extract(t.value, '$[0]');
INSERT INTO assistant_targets (tenant_id, assistant_id, target_id, position)
    SELECT a.tenant_id, a.id, g.id, min(t.key) FROM assistants a, json_each(a.transfers) t
    JOIN transfer_targets g ON g.tenant_id = a.tenant_id AND g.name = json_extract(t.value, '$[0]')
    GROUP BY a.tenant_id, a.id, g.id;

-- Each time a caller was passed on. Name and number are kept as they were then; the wish only until it is over.
CREATE TABLE transfers (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    announced INTEGER NOT NULL,
    wish TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    connected_at INTEGER,
    ended_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX transfers_by_call ON transfers (tenant_id, call_id, asked_at, id);
CREATE UNIQUE INDEX transfers_by_id ON transfers (id);

-- How many of a call's media streams are kept: a caller who was passed on may come back on another.
ALTER TABLE calls ADD COLUMN streams_kept INTEGER NOT NULL DEFAULT 0;
-- What the keys of a telephone mean to an assistant, as JSON.
ALTER TABLE assistants ADD COLUMN keypad TEXT NOT NULL DEFAULT '{}';
-- A message that was spoken to nobody: what its sound is called at Twilio's, where it lies here, and its key, sealed.
ALTER TABLE messages ADD COLUMN recording_sid TEXT;
ALTER TABLE messages ADD COLUMN recording TEXT;
ALTER TABLE messages ADD COLUMN recording_key BLOB;
CREATE UNIQUE INDEX messages_by_recording ON messages (tenant_id, recording_sid);
CREATE INDEX messages_with_key ON messages (id) WHERE recording_key IS NOT NULL;
