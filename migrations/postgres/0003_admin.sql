-- What people change: revisions, so that nobody overwrites what they have not seen; limits of a tenant; versions of
-- an assistant; who changed what.

ALTER TABLE tenants ADD COLUMN seats_max BIGINT NOT NULL DEFAULT 2 CHECK (seats_max >= 1);
ALTER TABLE tenants ADD COLUMN assistants_max BIGINT NOT NULL DEFAULT 20 CHECK (assistants_max >= 0);
-- Numbers bought on the operator's account are the operator's to pay.
ALTER TABLE tenants ADD COLUMN numbers_max BIGINT NOT NULL DEFAULT 2 CHECK (numbers_max >= 0);
-- Networks from which the tenant's people and programs may ask, as JSON; an empty list means any.
ALTER TABLE tenants ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

ALTER TABLE services ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE services ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE resources ADD COLUMN active BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE resources ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE schedules ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE contacts ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE contacts ADD COLUMN note TEXT NOT NULL DEFAULT '';
-- The name in lower case, compared byte by byte: searched by how it begins.
ALTER TABLE contacts ADD COLUMN name_folded TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE contacts SET name_folded = lower(name);
CREATE INDEX contacts_by_name ON contacts (tenant_id, name_folded, id);
CREATE INDEX service_resources_by_resource ON service_resources (tenant_id, resource_id);
CREATE INDEX assistant_services_by_service ON assistant_services (tenant_id, service_id);

ALTER TABLE assistants ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE assistants ADD COLUMN status TEXT NOT NULL DEFAULT 'live' CHECK (status IN ('draft', 'live', 'archived'));
ALTER TABLE assistants ADD COLUMN transfers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE assistants ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

-- Every version an assistant ever had, whole, as JSON. `number` is the assistant's revision when it was made.
CREATE TABLE assistant_versions (
    tenant_id TEXT NOT NULL,
    assistant_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, assistant_id, number),
    FOREIGN KEY (tenant_id, assistant_id) REFERENCES assistants (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE calls ADD COLUMN assistant_version BIGINT;
CREATE INDEX calls_by_assistant ON calls (tenant_id, assistant_id, rang_at, id);
CREATE INDEX calls_by_number ON calls (tenant_id, number_id, rang_at, id);
CREATE INDEX calls_by_time ON calls (tenant_id, rang_at, id);
CREATE INDEX calls_by_caller ON calls (tenant_id, from_number, rang_at, id);

ALTER TABLE messages ADD COLUMN handled_at BIGINT;
ALTER TABLE messages ADD COLUMN handled_by TEXT;
ALTER TABLE messages ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
CREATE INDEX messages_by_time ON messages (tenant_id, left_at, id);
CREATE INDEX messages_by_call ON messages (tenant_id, call_id);

-- One chain for each tenant: an entry's hash covers its words and the hash before it.
CREATE TABLE audit_entries (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    ordinal BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    changes TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, ordinal)
);
CREATE INDEX audit_entries_by_subject ON audit_entries (tenant_id, subject, ordinal);
CREATE INDEX audit_entries_by_actor ON audit_entries (tenant_id, actor, ordinal);

-- The end of each chain. Writers of one tenant wait here for each other.
CREATE TABLE audit_heads (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    ordinal BIGINT NOT NULL,
    hash TEXT NOT NULL
);
