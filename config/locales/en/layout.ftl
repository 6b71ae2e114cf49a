# What every page says.
skip = Skip to content
nav = Places
menu = Account
menu-tenant = Business
menu-switch = Switch
colours = Colours
colours-machine = Like the device
colours-light = Light
colours-dark = Dark
login = Sign in
logout = Sign out
email = E-mail address
password = Password
password-new = New password
optional = (optional)
leave-unsaved = What you typed is not saved yet.
live-lost = The connection is interrupted and is being restored. What you see is the last that was known.
live-elsewhere = You have gone to another business in another tab. This page shows what was last known of this one.

# A form of another business's
elsewhere-title = This form belongs to another business
elsewhere-lead = You filled it in for { $tenant } and have gone to { $here } in another tab since. Nothing was changed at either; what you typed is kept, passwords excepted.
elsewhere-send = Go back to { $tenant } and send it
elsewhere-stay = Stay at { $here }
elsewhere-gone = You filled it in for a business at which you do not work any more, and are at { $here }. Nothing was changed at either.

# Forms
summary-heading = There is a problem
fault-mark = Error:
fault = Something in this form does not fit yet. What you typed is still here.
fault-other = This does not fit yet: { $problem }.
fault-plain = This does not fit yet. Everything you typed is still here; check this field.
fault-email = Enter the whole e-mail address, for example ada@example.com.
fault-password = Choose a password of at least 15 characters that is hard to guess, for example a few words in a row.
fault-tenant = Enter the name of the business, at most 100 characters.
fault-token = This link is not good, or good no more. Ask for another one.
stale = Somebody else has changed this in the meantime. Your entries are still here: compare both; if you save again, yours count.
stale-by = { $who } has changed this meanwhile ({ $at }). Your entries are still here; compare both and choose: if you save again, yours count.
stale-own = You have changed this yourself meanwhile ({ $at }), in another window. Your entries are still here; compare both and choose: if you save again, these count.
stale-theirs = Saved by now: { $value }

# When something does not work
failure-back = To the overview
failure-not-found-title = There is no such page
failure-not-found = There is nothing at this address. It may have been deleted, or the link is not complete.
failure-sign-in-title = Sign in first
failure-sign-in = Your session is over. Sign in to go on.
failure-nowhere-title = No business yet
failure-nowhere = Your account belongs to no business at present. Have yourself invited, or register one of your own.
failure-forbidden-title = You may not do this
failure-forbidden = You may not see or change this here. An owner of your business can give you the right.
failure-foreign-title = Not carried out
failure-foreign = This request did not come from a page of this server. Nothing was changed. Load the page again and try there.
failure-too-large-title = Too large
failure-too-large = That was more than fits into a form. Nothing was changed. Shorten the longest text.
failure-too-many-title = Too many attempts
failure-too-many = { $seconds ->
    [one] Those were too many attempts in a short time. What you typed is still here. Try again in a second.
   *[other] Those were too many attempts in a short time. What you typed is still here. Try again in { $seconds } seconds.
}
failure-conflict-title = This does not fit
failure-conflict = This contradicts what is there: { $problem }. Nothing was changed.
failure-conflict-plain = This contradicts what is there. Nothing was changed. Load the page again and look at it.
failure-stale-title = Somebody was faster
failure-stale = Somebody else has changed this in the meantime. Nothing was saved. Look at it again, then decide.
failure-taken-title = The time is taken
failure-taken = That time was taken a moment ago. Nothing was changed. Choose another one.
failure-too-late-title = Too late
failure-too-late = It is too late to change this appointment. Nothing was changed.
failure-refused-title = That time cannot be had
failure-refused = That time cannot be booked ({ $problem }). Nothing was changed. Choose another one.
failure-limit-title = There can be no more
failure-limit = { $max ->
    [one] There can be only { $max } of these. Nothing was changed.
   *[other] There can be at most { $max } of these. Nothing was changed.
}
failure-declined-title = Declined
failure-declined = The service behind this declined: { $problem }. Nothing was changed.
failure-unavailable-title = Cannot be reached at the moment
failure-unavailable = Something behind us does not answer at the moment (reference { $reference }). Your entries are still on this page. Try again in a minute.
failure-ours-title = That did not work
failure-ours = That did not work; the fault is ours (reference { $reference }). Your entries are still on this page. Try again in a minute.

# Why a time cannot be had
refused-missing-time = There is no such time on that day: the clocks go forward. Nothing was changed. Choose another one.
refused-not-qualified = This service is not done there. Nothing was changed. Choose somebody else or another room.
refused-horizon = Nothing can be booked that far ahead yet. Nothing was changed. Choose an earlier day.
refused-notice = That is too short notice. Nothing was changed. Choose a later time.
refused-closed = It is closed on that day. Nothing was changed. Choose another day.
refused-outside-hours = That time is outside opening hours. Nothing was changed. Choose another one.
refused-off-grid = No appointment of this service begins at that time. Nothing was changed. Choose one of the free times.
refused-limit = That day has as many appointments as it may have. Nothing was changed. Choose another day.
refused-busy = The calendar has something else at that time. Nothing was changed. Choose another time.
refused-capacity = All places at that time are taken. Nothing was changed. Choose another one.
refused-buffer = Too little time would be left between appointments. Nothing was changed. Choose another one.
refused-held = That time is kept for somebody at the moment. Nothing was changed. Try again in a few minutes, or choose another one.

# Roles
role-viewer = View only
role-member = Member
role-admin = Admin
role-owner = Owner
