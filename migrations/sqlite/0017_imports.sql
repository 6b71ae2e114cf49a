-- What others wrote down of calls; what is remembered of people who were forgotten; what was left at Twilio.

-- A transcript of a call that Twilio made and that is to be fetched, or was. `caller_channel` is on which channel of it the
-- caller is, when whoever asked has said so.
CREATE TABLE transcript_imports (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    transcript TEXT NOT NULL,
    caller_channel INTEGER,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    problem TEXT,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    done_at INTEGER,
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- What it says, sentence by sentence. Times are milliseconds since Twilio's recording began.
CREATE TABLE imported_turns (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
    channel INTEGER NOT NULL,
    speaker TEXT NOT NULL CHECK (speaker IN ('caller', 'agent')),
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    confidence REAL,
    PRIMARY KEY (tenant_id, call_id, ordinal),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- They stand in the same index of words as turns do, counted downwards from -1.
CREATE TRIGGER imported_turns_indexed_when_kept AFTER INSERT ON imported_turns
BEGIN
    INSERT INTO turn_index (tenant_id, call_id, ordinal) VALUES (NEW.tenant_id, NEW.call_id, -1 - NEW.ordinal);
    INSERT INTO turn_words (rowid, tenant, words)
    SELECT id, tenant_id, NEW.text FROM turn_index
    WHERE tenant_id = NEW.tenant_id AND call_id = NEW.call_id AND ordinal = -1 - NEW.ordinal;
END;
CREATE TRIGGER imported_turns_forgotten BEFORE DELETE ON imported_turns
BEGIN
    DELETE FROM turn_words WHERE rowid = (
        SELECT id FROM turn_index
        WHERE tenant_id = OLD.tenant_id AND call_id = OLD.call_id AND ordinal = -1 - OLD.ordinal);
    DELETE FROM turn_index
    WHERE tenant_id = OLD.tenant_id AND call_id = OLD.call_id AND ordinal = -1 - OLD.ordinal;
END;

-- When somebody was called whose number was forgotten, by a digest of the number, for as long as attempts are counted. The
-- key of the digests is sealed, one for each tenant.
CREATE TABLE digest_keys (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    key BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
CREATE TABLE remembered_attempts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    digest TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, digest, asked_at)
) STRICT;
CREATE INDEX remembered_attempts_by_age ON remembered_attempts (tenant_id, asked_at);

-- Sound that lies at Twilio and belongs to nobody here any more; it is erased there. `whose` is the tenant it was of, when
-- that is known.
CREATE TABLE leftovers (
    sid TEXT NOT NULL PRIMARY KEY,
    account_sid TEXT NOT NULL,
    whose TEXT,
    found_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX leftovers_due ON leftovers (due_at);
CREATE INDEX messages_unfetched ON messages (tenant_id, id) WHERE recording_sid IS NOT NULL AND recording IS NULL;
