# Letting the operator in
settings-support = Support
support-lead = Whoever runs this server sees nothing of your business unless you let them in. Here you do so for a time. They may then see and change what you could, except members, API keys, webhooks, data copies and the business itself; they connect no calendars, take over no calls and are not rung for a test. Every change stands in your log as the operator's.
support-on = Support has access
support-until = Until
support-off = Support has no access.
support-end = End access now
support-grant = Let support in
support-how-long = For how long
support-hours = { $hours ->
    [one] One hour
    [72] Three days
    [168] One week
   *[other] { $hours } hours
}
support-send = Grant access
support-granted = Support has access. You can end it here at any time.
support-over = Access has ended.
support-log = What was changed is in the log
banner-support = Support has access to this business until { $until }.
banner-support-yours = You are here to help until { $until }. Every change stands in this business's log as yours.
banner-support-act = Support access
audit-operator = Operator
fault-for-hours = Choose one of the times that are offered.
