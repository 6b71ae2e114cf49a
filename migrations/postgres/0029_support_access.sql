-- Support access: until when those who run the platform may look after a tenant in which people work. Granted by the tenant
-- and ended by it; what was granted before stands in the audit log.
CREATE TABLE support_access (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    until_at BIGINT NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at BIGINT NOT NULL
);
CREATE INDEX support_access_by_end ON support_access (until_at);

ALTER TABLE support_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE support_access FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON support_access USING (tenant_id = nullif(current_setting('app.tenant', true), '')
    OR current_setting('app.across', true) = 'yes');
