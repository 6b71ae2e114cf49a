-- People at the business in calls that are in the air.

-- Whether they may listen in; callers are told so with the first words.
ALTER TABLE tenants ADD COLUMN listening_in BOOLEAN NOT NULL DEFAULT FALSE;
-- Where a member is rung when she takes a call over.
ALTER TABLE memberships ADD COLUMN telephone TEXT;
