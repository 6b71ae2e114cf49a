availability-back = Availability
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
in-minutes = In minutes.
in-days = In days.
put-aside = put aside

# Free times
free-title = Free times
free-from = From
free-none = Nothing free.
free-more = and { $count } more
free-no-service = As soon as there is a service, its free times are here.
free-after-saving = Once it is saved, its free times are here.

# People and rooms
resources-title = People and rooms
resources-none = Nobody can be booked yet. Make an entry for a person or a room and say when they are there.
resource-new = New person or room
resource-create = Save person or room
resource-created = { $name } is saved.
resource-about = About this person or room
resource-name = Name
resource-name-hint = As callers hear it, for example Dr. Weber or Room 2.
resource-active = Can be booked
resource-active-hint = What is booked stays, also when this is not ticked.
resource-saved = Saved.
resource-calendars = Choose calendars
resource-no-service = No service can be booked here. Tick this name at a service.
never-open = Never there
away-until = away until { $until }
fault-resource = Choose who is away.

# Opening hours
hours-title = Opening hours
hours-hint = Write them like this: 9:00–12:30, 14:00–18:00. Empty is closed.
hours-dates = Exceptions
hours-dates-hint = Other hours on one date. Empty hours are closed; an empty date takes the line away.
hours-date-line = Exception { $n }
hours-on-date = Hours on that date
hours-save = Save opening hours
hours-saved = Saved.
hours-stranded = { $count ->
    [one] Saved. One appointment stands where nobody is now.
   *[other] Saved. { $count } appointments stand where nobody is now.
}
fault-hours = Write the hours like this: 9:00–12:30, 14:00–18:00.
fault-hours-end = These hours end before they begin. Enter a closing time after { $from }.
fault-week-mon = On Monday two times overlap, or one is empty. Change one of them.
fault-week-tue = On Tuesday two times overlap, or one is empty. Change one of them.
fault-week-wed = On Wednesday two times overlap, or one is empty. Change one of them.
fault-week-thu = On Thursday two times overlap, or one is empty. Change one of them.
fault-week-fri = On Friday two times overlap, or one is empty. Change one of them.
fault-week-sat = On Saturday two times overlap, or one is empty. Change one of them.
fault-week-sun = On Sunday two times overlap, or one is empty. Change one of them.
fault-exceptions = On one of the dates two times overlap, or one is empty. Change one of them.

# Ill today
ill-title = Is ill today
ill-lead = Their time is blocked at once, from this minute on. Next you see which appointments that hits, and decide about each.
ill-who = Who
ill-until = Until and including
ill-time = Back at
ill-name = Note
ill-name-hint = Only your team sees it. Leave out why.
ill-do = Block the time
ill-done = { $count ->
    [0] The time is blocked. It hits no appointment.
    [one] The time is blocked. It hits one appointment.
   *[other] The time is blocked. It hits { $count } appointments.
}

# Services
services-title = Services
services-none = Nothing can be booked yet. Make a service, such as a check-up of 30 minutes.
service-new = New service
service-create = Save service
service-created = { $name } is saved.
service-saved = { $name } is saved.
service-nobody = served by nobody
service-name-de = Name in German
service-name-en = Name in English
service-duration = Duration
service-interval = Begins every
service-interval-hint = In minutes. Empty is as long as it takes.
service-resources = With whom it can be booked
service-selection = Who is taken when nobody is asked for by name
selection-any = The first who is free
selection-round-robin = Who has least to do that day
selection-all = All of them together
service-rules = Rules
service-buffer-before = Buffer before
service-buffer-after = Buffer after
service-notice = Minimum notice
service-notice-hint = In minutes: 1440 are a day.
service-horizon = Can be booked ahead
service-per-day = At most per day
service-per-week = At most per week
service-per-month = At most per month
service-cutoff = Callers can cancel or move until
service-cutoff-hint = In minutes before it begins.
service-capacity = Seats
service-capacity-hint = More than one makes it a group.
service-price = Price
service-sensitive = Sensitive
service-sensitive-hint = On the telephone only who has typed their PIN hears about it.
service-invites = Invite contacts by mail
service-active = Is offered
service-active-hint = What is booked stays, also when this is not ticked.
fault-whole = Enter a whole number, for example 30.
fault-names = Enter a name.
fault-duration = Enter from 5 to 1,440 minutes.
fault-interval = Enter from 5 to 1,440 minutes.
fault-horizon-days = Enter from 1 to 730 days.
fault-capacity = Enter from 1 to 1,000 seats.

# Closing days
closing-title = Closing days
closing-all = All
closing-none = No closing day is entered.
closing-new = New closing day
closing-new-absence = Enter an absence
closing-edit = Closing day
closing-back = All closing days
closing-name = Name
closing-name-hint = For example holidays, or Christmas party. Callers are never told.
closing-when = When
closing-who = Who
closing-kind = What it is
closing-kind-closing = Closed
closing-kind-holiday = Public holiday
closing-kind-absence = Absence
closing-first = First day
closing-last = Last day
closing-last-hint = Empty is one day.
closing-from = From
closing-from-hint = Empty is the whole day.
closing-until = Until
closing-through = Through from the first day to the last
closing-through-hint = Otherwise these times hold on each day.
closing-yearly = Every year again
closing-every-year = every year
closing-remove = Delete closing day
closing-remove-what = The hours it took are open again. Appointments stay. This can be undone by entering it again.
closing-removed = The closing day is deleted.
fault-first = Enter the first day.
fault-last = The last day comes before the first, or is too far away. Change one of the two.
fault-until = The end comes before the beginning. Change one of the two.

# Public holidays
holidays-title = Public holidays
holidays-lead = These are proposals. Only what you tick and save becomes a closing day.
holidays-land = Federal state
holidays-choose = Choose
holidays-year = Year
holidays-tick = On which days do you close?
holidays-partly = Only in some communities of this state.
holidays-since = A public holiday here since { $year }.
holidays-done = closed
holidays-enter = Save ticked days as closing days
holidays-entered = { $count ->
    [0] Nothing was ticked, so nothing was changed.
    [one] One closing day is saved.
   *[other] { $count } closing days are saved.
}

# Why not?
why-title = Why not?
why-ask = Ask
why-free = This time is offered.
why-not = This time is not offered. Everything that is against it:
why-missing = There is no such time on that day: the clocks go forward.
why-served-by-nobody = Nobody serves this yet. Tick who does at the service.
why-badge-free = free
why-badge-not = not free
why-nothing-against = Nothing is against it.
why-nobody = Somebody
why-rule-active = The service is not offered.
why-rule-resources = The service is not done here.
why-rule-horizon = That is further ahead than can be booked.
why-rule-notice = That is too short notice, or past.
why-rule-interval = No appointment of this service begins at that time.
why-rule-per-day = The day has as many of this service as it may have.
why-rule-per-week = The week has as many of this service as it may have.
why-rule-per-month = The month has as many of this service as it may have.
why-rule-minutes = The day has as many minutes of this service as it may have.
why-rule-capacity = All seats of the session are taken.
why-rule-buffers = The buffers do not fit.
why-put-aside = Cannot be booked at present.
why-week = Outside the opening hours on { $day }.
why-exception = Outside the hours that hold on { $date }.
why-closure-named = Closed: { $name }.
why-closure = Closed, or away.
why-appointment = An appointment, { $when }.
why-appointment-near = Too close to an appointment, { $when }, with the buffers.
why-hold = Kept for a caller until { $until }: { $when }.
why-hold-near = Too close to a time that is kept for a caller until { $until }: { $when }.
why-event = Busy in the calendar { $calendar }, { $when }.
why-event-near = Too close to something in the calendar { $calendar }, { $when }.
why-event-hidden = Busy in a calendar.
why-event-unknown = The calendar has not said yet whether this time is free.
why-to-service = Change this rule
why-to-resource = Change
why-to-hours = Change the hours
why-to-closing = Change the closing day
why-to-appointment = See the appointment
why-to-calendars = See calendars
