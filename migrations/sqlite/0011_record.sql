-- The record of a call: its recording's key and what became of it.

-- A call's recording, from the moment it begins. `key` opens it and is itself sealed; without one it was kept before
-- recordings were sealed. `length_ms` is unknown until it is over, and stays so when its process ends before. Nothing is to
-- be heard in `silences`: JSON, pairs of milliseconds since the recording began.
CREATE TABLE recordings (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    key BLOB,
    begun_at INTEGER NOT NULL,
    began_ms INTEGER NOT NULL,
    length_ms INTEGER,
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    silences TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX recordings_by_call ON recordings (call_id);
CREATE INDEX recordings_unfinished ON recordings (begun_at) WHERE length_ms IS NULL;

-- How sure the engine was of a turn's words, from 0 to 1, where it said so; how a call went, in figures, as JSON.
ALTER TABLE turns ADD COLUMN confidence REAL;
ALTER TABLE calls ADD COLUMN measures TEXT;

-- The words that were heard, to be searched. Each turn has its place in the index from when it is kept to when it goes. The
-- tenant is a word of it, so that a search looks at that tenant's turns alone; what was forgotten is overwritten at once.
CREATE TABLE turn_index (
    id INTEGER NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    UNIQUE (tenant_id, call_id, ordinal)
) STRICT;
CREATE VIRTUAL TABLE turn_words USING fts5 (tenant, words, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO turn_words (turn_words, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER turns_indexed_when_kept AFTER INSERT ON turns
BEGIN
    INSERT INTO turn_index (tenant_id, call_id, ordinal) VALUES (NEW.tenant_id, NEW.call_id, NEW.ordinal);
    INSERT INTO turn_words (rowid, tenant, words)
    SELECT id, tenant_id, NEW.heard_text FROM turn_index
    WHERE tenant_id = NEW.tenant_id AND call_id = NEW.call_id AND ordinal = NEW.ordinal;
END;
CREATE TRIGGER turns_indexed_when_changed AFTER UPDATE OF heard_text ON turns
BEGIN
    UPDATE turn_words SET words = NEW.heard_text WHERE rowid = (
        SELECT id FROM turn_index
        WHERE tenant_id = NEW.tenant_id AND call_id = NEW.call_id AND ordinal = NEW.ordinal);
END;
CREATE TRIGGER turns_forgotten BEFORE DELETE ON turns
BEGIN
    DELETE FROM turn_words WHERE rowid = (
        SELECT id FROM turn_index
        WHERE tenant_id = OLD.tenant_id AND call_id = OLD.call_id AND ordinal = OLD.ordinal);
    DELETE FROM turn_index
    WHERE tenant_id = OLD.tenant_id AND call_id = OLD.call_id AND ordinal = OLD.ordinal;
END;
INSERT INTO turn_index (tenant_id, call_id, ordinal) SELECT tenant_id, call_id, ordinal FROM turns;
INSERT INTO turn_words (rowid, tenant, words)
SELECT i.id, t.tenant_id, t.heard_text FROM turns t
JOIN turn_index i ON i.tenant_id = t.tenant_id AND i.call_id = t.call_id AND i.ordinal = t.ordinal;

-- What a call came to, as a model summed it up; wishes and promises are JSON. `fields` fits the schema the tenant had then.
CREATE TABLE call_summaries (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    text TEXT NOT NULL,
    upshot TEXT NOT NULL,
    wishes TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    fields TEXT,
    fields_problem TEXT,
    promises TEXT NOT NULL,
    model TEXT NOT NULL,
    cost_micro_usd INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- What a tenant wants to know of each call, as a JSON Schema; nothing when it is null.
CREATE TABLE call_fields (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    fields TEXT,
    revision INTEGER NOT NULL
) STRICT;
