-- How calls of a contact are received, where it is not by the assistant: not at all, or by somebody at the business.

CREATE TABLE contact_receptions (
    tenant_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('blocked', 'put_through')),
    -- To whom they are put through; to the fallback number when nobody is named.
    target_id TEXT,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE contact_receptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_receptions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON contact_receptions USING (tenant_id = nullif(current_setting('app.tenant', true), '')
    OR current_setting('app.across', true) = 'yes');
