-- What others wrote down of calls; what is remembered of people who were forgotten; what was left at Twilio.

-- A transcript of a call that Twilio made and that is to be fetched, or was. `caller_channel` is on which channel of it the
-- caller is, when whoever asked has said so.
CREATE TABLE transcript_imports (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    transcript TEXT NOT NULL,
    caller_channel BIGINT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    problem TEXT,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
);

-- What it says, sentence by sentence. Times are milliseconds since Twilio's recording began. The words to be searched are as
-- those of turns are.
CREATE TABLE imported_turns (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL CHECK (ordinal >= 0),
    channel BIGINT NOT NULL,
    speaker TEXT NOT NULL CHECK (speaker IN ('caller', 'agent')),
    began_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    text TEXT NOT NULL,
    confidence DOUBLE PRECISION,
    words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(
        translate(lower(text), 'äàáâãöòóôõüùúûèéêëìíîïçñ', 'aaaaaooooouuuueeeeiiiicn'), '[^[:alnum:]]+', ' ', 'g'))) STORED,
    PRIMARY KEY (tenant_id, call_id, ordinal),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX imported_turns_by_words ON imported_turns USING gin (words);

-- When somebody was called whose number was forgotten, by a digest of the number, for as long as attempts are counted. The
-- key of the digests is sealed, one for each tenant.
CREATE TABLE digest_keys (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    key BYTEA NOT NULL,
    made_at BIGINT NOT NULL
);
CREATE TABLE remembered_attempts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    digest TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, digest, asked_at)
);
CREATE INDEX remembered_attempts_by_age ON remembered_attempts (tenant_id, asked_at);

-- Sound that lies at Twilio and belongs to nobody here any more; it is erased there. `whose` is the tenant it was of, when
-- that is known.
CREATE TABLE leftovers (
    sid TEXT NOT NULL PRIMARY KEY,
    account_sid TEXT NOT NULL,
    whose TEXT,
    found_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX leftovers_due ON leftovers (due_at);
CREATE INDEX messages_unfetched ON messages (tenant_id, id) WHERE recording_sid IS NOT NULL AND recording IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['transcript_imports', 'imported_turns', 'digest_keys', 'remembered_attempts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
