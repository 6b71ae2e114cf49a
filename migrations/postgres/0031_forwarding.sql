-- Tests whether a business's own line is forwarded here: attempts of the kind `forwarding`, and when and where they came back.

ALTER TABLE outgoing_calls ADD COLUMN arrived_at BIGINT;
ALTER TABLE outgoing_calls ADD COLUMN arrived_number_id TEXT;
CREATE INDEX outgoing_calls_forwarding ON outgoing_calls (tenant_id, created_at) WHERE kind = 'forwarding';
