# The week and the day
appointments-new = New appointment
appointments-new-on = New appointment: { $day }
appointments-stranded = { $count ->
    [one] One appointment stands where nobody is. Decide what is to be done with it.
   *[other] { $count } appointments stand where nobody is. Decide what is to be done with them.
}
appointments-conflicts = { $count ->
    [one] One conflict: two things want the same time.
   *[other] { $count } conflicts: two things want the same time.
}
appointments-earlier = Earlier
appointments-later = Later
appointments-today = Go to today
appointments-week = Week
appointments-day = Day
appointments-date = Date
appointments-time = Time
appointments-with = With
appointments-show = Show
appointments-everybody = Everybody
appointments-anybody = Whoever is free
appointments-none = Nothing is booked here.
appointments-somebody = Somebody
appointments-held-until = Kept until { $until }
appointments-clashing = conflict
appointments-busy = Busy
appointments-unknown = Not known yet
appointments-back = All appointments
appointments-no-services = Nothing can be booked yet. Say first what is booked with you, and when:
status-held = kept
status-pending = pending
status-confirmed = booked
status-cancelled = cancelled
closure-closing = Closed
closure-holiday = Public holiday
closure-absence = Away

# One appointment
appointment-title = Appointment: { $who }
appointment-title-nobody = Appointment
appointment-about = About this appointment
appointment-service = Service
appointment-seats = Seats
appointment-contact = Contact
appointment-history = History
appointment-move = Move
appointment-do-move = Move appointment
appointment-moved = Moved to { $when }.
appointment-offered = Free instead:
appointment-why = Why is this time not free?
appointment-note = Note
appointment-note-label = What the team should know
appointment-note-hint = Callers are never told.
appointment-noted = The note is saved.
appointment-save = Save
appointment-keep = Keep
appointment-cancel = Cancel appointment
appointment-cancel-what = The time becomes free and its event is taken out of the calendar. The line in the history stays. This cannot be undone; a new appointment can be made.
appointment-do-cancel = Cancel appointment
appointment-cancelled = The appointment is cancelled.
appointment-name = Name
appointment-number = Telephone number
appointment-number-hint = With it the person is known when they call, and can be called.
appointment-for = For { $name }
appointment-do-book = Book appointment
appointment-booked = Booked for { $when }.
fault-time = Enter the time like this: 14:30.
fault-service = Choose a service.
fault-note = Shorten the note to 2,000 characters.
step-booked = booked
step-confirmed = in the calendar
step-moved = moved
step-cancelled = cancelled
step-undone = taken back, the calendar had something there first
by-you = by you
by-team = by your team
by-call = in a call
by-program = by a program
by-calendar = in the calendar
by-operator = by the operator
by-system = by frontdesk

# Conflicts
conflicts-title = Conflicts
conflicts-lead = Two things want the same time. Look at both, move one, then mark it as done.
conflicts-none = There is no conflict.
conflicts-found = Found
conflicts-settle = Mark as done
conflicts-settled = The conflict is marked as done.
clash-event-over = Somebody put an event over this appointment in the calendar.
clash-moved-onto = Somebody moved this appointment, in the calendar, into another's place.
clash-event-first = An event was in the calendar before this appointment; the appointment made room.
clash-moved-twice = This appointment was moved in the calendar and here at the same time. It stands where it was moved to here.

# Where nobody is
stranded-title = Appointments where nobody is
stranded-lead = These appointments stand outside the hours of those they are with, or in a time they are away. Choose for all, or for each.
stranded-none = Every appointment stands where somebody is.
stranded-all = For all for which nothing is chosen below
stranded-each = Choose for each
stranded-later = Decide later
stranded-when = When
stranded-who = Who
stranded-why = Why
stranded-what = What is to be done
stranded-do = What is to be done with { $who }, { $when }
stranded-ring = Let the assistant ring and move
stranded-colleague = Give to a colleague who is free
stranded-to = Give to { $name }
stranded-cancel = Cancel appointment
stranded-keep = Keep, it takes place
stranded-go = Carry out
stranded-team = { $count ->
    [one] One of them the assistant may not ring: your team calls.
   *[other] { $count } of them the assistant may not ring: your team calls.
}
stranded-more = There may be more. Once these are decided, the next ones are here.
stranded-away = away
stranded-hours = outside opening hours
stranded-call-waits = is called { $at }
stranded-call-out = is being called
stranded-call-over = was called, without a new time
stranded-nothing = Nothing was chosen, so nothing was changed.
stranded-nobody-else = Nobody else is free at that time. Nothing was changed.
stranded-done-kept = Kept.
stranded-done-cancelled = Cancelled.
stranded-done-given = { $name } has it.
stranded-done-rings = The assistant rings, { $at } at the earliest.
not-rung-no-number = No telephone number is known. Your team has to find another way.
not-rung-nobody-to-call = No assistant answers at any of your numbers, so none can ring. Your team calls.
not-rung-under-way = The person is already being called.
not-rung-no-consent = You have not said yet where consent to be called comes from. Your team calls.
not-rung-opted-out = The person does not want to be called by the assistant. Your team calls.
not-rung-number = This number is never called by the assistant. Your team calls.
not-rung-country = This country is not among those the assistant may call. Your team calls.
not-rung-too-late = There is no time left at which the assistant may ring. Your team calls at once.
not-rung-appointment-gone = The appointment has changed in the meantime.
