-- Where a member also wants a text message when a calendar is cut off; none when she does not.

ALTER TABLE member_notifications ADD COLUMN sms_number TEXT;
