-- Support access: until when those who run the platform may look after a tenant in which people work. Granted by the tenant
-- and ended by it; what was granted before stands in the audit log.
CREATE TABLE support_access (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    until_at INTEGER NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX support_access_by_end ON support_access (until_at);
