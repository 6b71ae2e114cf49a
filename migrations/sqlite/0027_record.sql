-- What a team writes on a call, who it was passed on to took it or not, and links by which others may hear it.

ALTER TABLE calls ADD COLUMN note TEXT NOT NULL DEFAULT '';
-- JSON; each also stands in `call_tags`, by which calls are found.
ALTER TABLE calls ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE calls ADD COLUMN note_revision INTEGER NOT NULL DEFAULT 1;
CREATE TABLE call_tags (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, call_id, tag),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX call_tags_by_tag ON call_tags (tenant_id, tag, at, call_id);

-- Whether somebody took the call who it was passed on to; unknown when it was not, or is being.
ALTER TABLE calls ADD COLUMN passed_on INTEGER CHECK (passed_on IN (0, 1));
UPDATE calls SET passed_on = (SELECT MAX(t.state = 'connected') FROM transfers t
    WHERE t.tenant_id = calls.tenant_id AND t.call_id = calls.id AND t.ended_at IS NOT NULL);
ALTER TABLE call_figures ADD COLUMN transfers_taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_figures ADD COLUMN transfers_missed INTEGER NOT NULL DEFAULT 0;
-- Those are counted anew.
UPDATE calls SET to_count = COALESCE(ended_at, rang_at) WHERE passed_on IS NOT NULL AND outcome IS NOT NULL;

-- Each stands for a link; of its secret only the SHA-256 is kept.
CREATE TABLE call_shares (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    openings INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER,
    -- When its sound was last begun to be heard.
    heard_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX call_shares_by_call ON call_shares (tenant_id, call_id, made_at);
