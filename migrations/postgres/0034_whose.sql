-- Whose they are, in the order in which they are shown: so that neither is looked for among everybody's.

DROP INDEX contacts_by_number;
CREATE INDEX contacts_by_number ON contacts (tenant_id, number, created_at, id);
CREATE INDEX contacts_by_number_and_id ON contacts (tenant_id, number, id);
DROP INDEX outgoing_calls_of_contact;
CREATE INDEX outgoing_calls_of_contact ON outgoing_calls (tenant_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
