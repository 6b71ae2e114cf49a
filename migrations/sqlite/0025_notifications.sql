-- What members want to be told by mail, and what they have been told.

-- `choices` and `told` are JSON: by the kind of what happens, whether and how; and up to when it was told at once. `daily_day`
-- is the day of the last daily mail, in the tenant's zone; `look_at` when it is next looked whether there is anything to tell.
CREATE TABLE member_notifications (
    tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    choices TEXT NOT NULL,
    quiet_from_min INTEGER,
    quiet_until_min INTEGER,
    daily_min INTEGER NOT NULL,
    told TEXT NOT NULL DEFAULT '{}',
    daily_day TEXT NOT NULL DEFAULT '',
    look_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX member_notifications_due ON member_notifications (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX clashes_open ON clashes (tenant_id, found_at) WHERE settled_at IS NULL;
CREATE INDEX appointment_history_cancelled ON appointment_history (tenant_id, at) WHERE what = 'cancelled';
CREATE INDEX calls_refused ON calls (tenant_id, rang_at) WHERE outcome = 'refused';
-- Work that was given up, for whoever runs the platform.
CREATE INDEX jobs_given_up ON jobs (due_at) WHERE state = 'given_up';
