-- The record of a call: its recording's key and what became of it.

-- A call's recording, from the moment it begins. `key` opens it and is itself sealed; without one it was kept before
-- recordings were sealed. `length_ms` is unknown until it is over, and stays so when its process ends before. Nothing is to
-- be heard in `silences`: JSON, pairs of milliseconds since the recording began.
CREATE TABLE recordings (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    key BYTEA,
    begun_at BIGINT NOT NULL,
    began_ms BIGINT NOT NULL,
    length_ms BIGINT,
    complete BOOLEAN NOT NULL,
    silences TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX recordings_by_call ON recordings (call_id);
CREATE INDEX recordings_unfinished ON recordings (begun_at) WHERE length_ms IS NULL;

-- How sure the engine was of a turn's words, from 0 to 1, where it said so; how a call went, in figures, as JSON.
ALTER TABLE turns ADD COLUMN confidence DOUBLE PRECISION;
ALTER TABLE calls ADD COLUMN measures TEXT;

-- The words that were heard, to be searched: without case, accents and punctuation. It is part of the turn and goes with it.
ALTER TABLE turns ADD COLUMN words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(
    translate(lower(heard_text), 'äàáâãöòóôõüùúûèéêëìíîïçñ', 'aaaaaooooouuuueeeeiiiicn'), '[^[:alnum:]]+', ' ', 'g'))) STORED;
CREATE INDEX turns_by_words ON turns USING gin (words);

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
    cost_micro_usd BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
);

-- What a tenant wants to know of each call, as a JSON Schema; nothing when it is null.
CREATE TABLE call_fields (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    fields TEXT,
    revision BIGINT NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['recordings', 'call_summaries', 'call_fields']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name);
    END LOOP;
END $$;
