today-needs = What needs you
today-needs-nothing = Nothing needs your attention at present.
today-choose-mails = What you get emails about
today-live = Now
today-live-count = { $talking ->
    [one] 1 call in progress
   *[other] { $talking } calls in progress
}, { $ringing ->
    [one] 1 ringing
   *[other] { $ringing } ringing
}; at most { $most } at once.
today-appointments = Appointments today
today-appointments-none = There is no appointment today.
today-now = now
today-held = held
today-pending = pending
today-clashing = conflict
today-yesterday = Yesterday, { $date }
today-line = Calls of the last { $days } days: { $calls }
today-figures = See all figures

# What needs somebody
notice-calendar-cut-off = { $waiting ->
    [0] There has been no access to the calendars of { $name } since { $since }. Callers are told that confirmation follows.
    [one] There has been no access to the calendars of { $name } since { $since }. Callers are told that confirmation follows; 1 request waits.
   *[other] There has been no access to the calendars of { $name } since { $since }. Callers are told that confirmation follows; { $waiting } requests wait.
}
notice-calendar-gone = The calendar “{ $name }” is not there any more, last synced { $since }. What is to be written there waits.
notice-clashes = { $count ->
    [one] One conflict in the calendar, since { $since }.
   *[other] { $count } conflicts in the calendar, the oldest since { $since }.
}
notice-limit-reached = { $count ->
    [one] One caller was told that all lines are busy ({ $since }).
   *[other] { $count } callers were told that all lines are busy, last { $since }.
}
notice-limit-near = { $count ->
    [one] There is 1 call at present: soon no more are taken.
   *[other] There are { $count } calls at present: soon no more are taken.
}
notice-reminders-failed = { $count ->
    [one] Nobody could be reminded of one appointment.
   *[other] Nobody could be reminded of { $count } appointments.
}
notice-number-without-assistant = Nobody answers { $name }: no assistant is assigned.
notice-number-not-set-up = { $name } does not ring here: setting it up at the telephone provider failed.
notice-messages = { $count ->
    [one] One message has waited for a call back since { $since }.
   *[other] { $count } messages wait for a call back, the oldest since { $since }.
}
notice-webhook-dead = { $count ->
    [one] One delivery to a program has failed ({ $since }).
   *[other] { $count } deliveries to a program have failed since { $since }.
}
notice-act-calendar-cut-off = Reconnect
notice-act-calendar-gone = Choose another calendar
notice-act-clashes = See appointments
notice-act-limit-reached = See calls
notice-act-limit-near = See calls
notice-act-reminders-failed = See appointments
notice-act-number-without-assistant = Assign an assistant
notice-act-number-not-set-up = See the number
notice-act-messages = See messages
notice-act-webhook-dead = See deliveries

# Pause
banners = Notices
banner-paused = The assistant is paused, { $until }. Calls go to the fallback number or the voicemail.
banner-paused-numbers = { $count ->
    [one] The assistant is paused at one number.
   *[other] The assistant is paused at { $count } numbers.
}
banner-paused-act = See the pause
pause-title = Pause
pause-what = The assistant steps back: calls go to the fallback number, or to the voicemail where there is none.
pause-where = Where
pause-everywhere = At all numbers
pause-how-long = For how long
pause-for-hour = One hour
pause-for-day = Until midnight
pause-for-morning = Until tomorrow, 8:00
pause-for-open = Until I end it
pause-fallback = Fallback number
pause-fallback-hint = A mobile, for example. Left empty, the one chosen last counts.
pause-begin = Pause the assistant
pause-end = End the pause
pause-until = until { $when }
pause-open-end = until somebody ends it
pause-done = The assistant is paused, { $until }.
pause-over = The pause is over. The assistant answers again.
fault-for = Choose how long the pause lasts.
fault-fallback-number = This number is forwarded to your assistant, so callers would go in a circle. Enter a number that is not forwarded, such as a mobile, or test the forwarding once more if it is switched off.
