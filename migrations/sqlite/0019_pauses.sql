-- Pauses: the assistant steps back at one number or at all of them, until a time, and callers go to a number of the
-- business's, or leave a message.

-- `number_id` is empty for all numbers. Without a row nobody has ever said anything about it.
CREATE TABLE pauses (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    number_id TEXT NOT NULL,
    paused_until INTEGER,
    fallback TEXT,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, number_id)
) STRICT;
-- A call in which the assistant has stepped back.
ALTER TABLE calls ADD COLUMN stepped_back INTEGER NOT NULL DEFAULT 0;
