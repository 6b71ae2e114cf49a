-- What is in the calendars besides the time.

-- The start to which whoever has the appointment has said that they will come; moved, they have said nothing yet.
ALTER TABLE appointments ADD COLUMN coming_start BIGINT;
-- A digest of what the event says; null for events that were written before it was kept.
ALTER TABLE appointment_events ADD COLUMN content TEXT;
