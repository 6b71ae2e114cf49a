nav-messages = Messages
messages-how = Urgent ones stand first, then the oldest. Whoever rings back takes the card for { $minutes } minutes, so that two do not ring.
messages-none = Nobody waits to be rung back.
messages-due = To ring back
messages-later = Later
messages-more = There are more messages than fit here. They follow as these are done.
messages-urgent = urgent
messages-calls = { $count ->
    [one] { $count } call since { $since }
   *[other] { $count } calls since { $since }
}
messages-tries = { $count ->
    [one] not reached once
   *[other] not reached { $count } times
}
messages-again = again
messages-or = or
messages-no-number = Without a number
messages-call = To the call
messages-sound = Spoken message
messages-sound-coming = The sound is being fetched.
messages-no-words = It is not written down. Listen to it.
messages-me = you
messages-colleague = a colleague
messages-taken = Being rung back by { $who } until { $until }.
messages-mine = You ring back; the card is yours until { $until }.
messages-dial = Ring { $number }
messages-again-date = Try again on
messages-again-time = at
messages-act-claim = I’ll ring
messages-act-release = Let go
messages-act-reached = Reached
messages-act-not-reached = Not reached
messages-act-done = Done without a call
messages-act-undo = Undo
messages-act-reopen = Put back on the list
messages-act-urgent = Mark as urgent
messages-act-not-urgent = Not urgent
messages-undo = These messages are done.
messages-told-claim = The card is yours. Tap the number to ring.
messages-told-release = The card is free again.
messages-told-reached = Reached; the messages are done.
messages-told-done = The messages are done.
messages-told-not-reached = Put off. The card comes back by itself.
messages-told-undo = Undone; the card stands among those to ring back.
messages-told-reopen = The messages are on the list again.
messages-told-urgent = Marked as urgent.
messages-told-not-urgent = Not urgent any more.
messages-show-done = Done messages
messages-show-open = Messages to ring back
messages-none-done = Nothing has been done yet. What is done stands here and can be put back.
messages-done-list = Messages that are done
messages-left = Left
messages-who = Who
messages-what = Message
messages-by = Done by
fault-again-at = Enter a day and a time within the next thirty days.
conflict-somebody-else-is-calling-back = Somebody else is ringing back already. Nothing was changed; the card says who.
conflict-that-message-has-been-looked-after = That message is done already. Nothing was changed.
