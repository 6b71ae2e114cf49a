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
    announced BOOLEAN NOT NULL DEFAULT TRUE,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    revision BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE assistant_targets (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id, target_id),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id),
    FOREIGN KEY (tenant_id, target_id) REFERENCES transfer_targets (tenant_id, id)
);
CREATE INDEX assistant_targets_by_target ON assistant_targets (tenant_id, target_id);

-- What stood with the assistants themselves. The same name means the same target.
INSERT INTO transfer_targets (tenant_id, id, name, number, announced)
    SELECT a.tenant_id, 'tgt_' || md5(a.tenant_id || ' ' || (t.value ->> 0)), t.value ->> 0, max(t.value ->> 1), FALSE
    FROM assistants a, jsonb_array_elements(a.transfers::jsonb) t (value) GROUP BY a.tenant_id, t.value ->> 0;
INSERT INTO assistant_targets (tenant_id, assistant_id, target_id, position)
    SELECT a.tenant_id, a.id, g.id, min(t.ordinality) - 1
    FROM assistants a CROSS JOIN jsonb_array_elements(a.transfers::jsonb) WITH ORDINALITY t (value, ordinality)
    JOIN transfer_targets g ON g.tenant_id = a.tenant_id AND g.name = t.value ->> 0
    GROUP BY a.tenant_id, a.id, g.id;

-- Each time a caller was passed on. Name and number are kept as they were then; the wish only until it is over.
CREATE TABLE transfers (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    announced BOOLEAN NOT NULL,
    wish TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    connected_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX transfers_by_call ON transfers (tenant_id, call_id, asked_at, id);
CREATE UNIQUE INDEX transfers_by_id ON transfers (id);

-- How many of a call's media streams are kept: a caller who was passed on may come back on another.
ALTER TABLE calls ADD COLUMN streams_kept BIGINT NOT NULL DEFAULT 0;
-- What the keys of a telephone mean to an assistant, as JSON.
ALTER TABLE assistants ADD COLUMN keypad TEXT NOT NULL DEFAULT '{}';
-- A message that was spoken to nobody: what its sound is called at Twilio's, where it lies here, and its key, sealed.
ALTER TABLE messages ADD COLUMN recording_sid TEXT;
ALTER TABLE messages ADD COLUMN recording TEXT;
ALTER TABLE messages ADD COLUMN recording_key BYTEA;
CREATE UNIQUE INDEX messages_by_recording ON messages (tenant_id, recording_sid);
CREATE INDEX messages_with_key ON messages (id) WHERE recording_key IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['transfer_targets', 'assistant_targets', 'transfers']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
