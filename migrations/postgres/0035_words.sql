-- The words of turns, to be searched, in a table of their own. Beside a wall that only compares whose a row is, PostgreSQL asks the
-- wall first and the index of words not at all, since `@@` might tell of rows that are not to be seen. So the words that are looked
-- for are part of this wall: whoever reads here sees what the transaction's tenant has and `app.words` fits, and nothing else.
-- The tenant is a word of each row, as no text of anybody's could have it, so that the index gives that tenant's rows alone.

CREATE FUNCTION words_heard(heard TEXT, tenant TEXT) RETURNS TSVECTOR LANGUAGE sql IMMUTABLE AS $$
    SELECT array_to_tsvector(ARRAY['=' || tenant]) || to_tsvector('simple'::regconfig, regexp_replace(
        translate(lower(heard), 'äàáâãöòóôõüùúûèéêëìíîïçñ', 'aaaaaooooouuuueeeeiiiicn'), '[^[:alnum:]]+', ' ', 'g'))
$$;

CREATE TABLE turn_words (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    -- Of either kind; the words go with their turn.
    turn BIGINT,
    imported_turn BIGINT,
    words TSVECTOR NOT NULL,
    CHECK (num_nonnulls(turn, imported_turn) = 1),
    FOREIGN KEY (tenant_id, call_id, turn) REFERENCES turns (tenant_id, call_id, ordinal) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, call_id, imported_turn)
        REFERENCES imported_turns (tenant_id, call_id, ordinal) ON DELETE CASCADE
);

SELECT set_config('app.across', 'yes', true);
INSERT INTO turn_words (tenant_id, call_id, turn, words)
SELECT tenant_id, call_id, ordinal, words_heard(heard_text, tenant_id) FROM turns;
INSERT INTO turn_words (tenant_id, call_id, imported_turn, words)
SELECT tenant_id, call_id, ordinal, words_heard(text, tenant_id) FROM imported_turns;
SELECT set_config('app.across', '', true);
CREATE INDEX turn_words_by_words ON turn_words USING gin (words);
CREATE INDEX turn_words_by_call ON turn_words (tenant_id, call_id);
ALTER TABLE turns DROP COLUMN words;
ALTER TABLE imported_turns DROP COLUMN words;

CREATE FUNCTION keep_words_of_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO turn_words (tenant_id, call_id, turn, words)
    VALUES (NEW.tenant_id, NEW.call_id, NEW.ordinal, words_heard(NEW.heard_text, NEW.tenant_id));
    RETURN NULL;
END $$;
CREATE FUNCTION keep_words_of_imported_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO turn_words (tenant_id, call_id, imported_turn, words)
    VALUES (NEW.tenant_id, NEW.call_id, NEW.ordinal, words_heard(NEW.text, NEW.tenant_id));
    RETURN NULL;
END $$;
CREATE TRIGGER words_kept AFTER INSERT ON turns FOR EACH ROW EXECUTE FUNCTION keep_words_of_turn();
CREATE TRIGGER words_kept AFTER INSERT ON imported_turns FOR EACH ROW EXECUTE FUNCTION keep_words_of_imported_turn();

-- Nothing is changed here, and nothing removed but with its turn, which is the database's own doing.
ALTER TABLE turn_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE turn_words FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant_keeps ON turn_words FOR INSERT WITH CHECK (
    tenant_id = nullif(current_setting('app.tenant', true), '') OR current_setting('app.across', true) = 'yes');
CREATE POLICY own_tenant_finds ON turn_words FOR SELECT USING (
    tenant_id = nullif(current_setting('app.tenant', true), '')
    AND words @@ CAST(nullif(current_setting('app.words', true), '') AS TSQUERY));
