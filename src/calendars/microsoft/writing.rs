//! What we write into a Microsoft calendar: times and words as Graph takes them.

use super::{
    super::Draft,
    wire::{AddressBody, EventBody, GuestBody, MARK, MomentBody, PropertyBody, TextBody},
};
use crate::domain::time::Timestamp;

/// Longest title, in characters; Exchange takes 255.
const TITLE_LEN_MAX: usize = 250;
/// Longest text, in characters.
const TEXT_LEN_MAX: usize = 7_500;
/// Longest name of somebody who is invited, in characters.
const GUEST_LEN_MAX: usize = 100;

/// The event as it is first written.
pub(super) fn new_event(draft: &Draft) -> EventBody<'_> {
    let attendee = draft.attendee.as_ref().map(|attendee| {
        let name = line(&attendee.name, GUEST_LEN_MAX);
        let email_address = AddressBody { address: attendee.address.as_str(), name };
        [GuestBody { kind: "required", email_address }]
    });
    EventBody {
        transaction_id: Some(draft.key.to_string()),
        show_as: Some("busy"),
        // Staff are reminded of what they have set up themselves, by nobody else.
        is_reminder_on: Some(false),
        attendees: attendee,
        ..changed_event(draft, true)
    }
}

/// What is to be true of an event that is there. Guests are left as they are: whoever is sent replaces all the others,
/// also those that staff have invited, and every one of them gets mail. `words` says whether its text is ours to write.
pub(super) fn changed_event(draft: &Draft, words: bool) -> EventBody<'_> {
    EventBody {
        transaction_id: None,
        subject: line(&draft.title, TITLE_LEN_MAX),
        body: words.then(|| TextBody { content_type: "text", content: text(&draft.text) }),
        start: moment(draft.time.start),
        end: moment(draft.time.end),
        // Somebody may have stretched it over whole days; such an event takes no other time.
        is_all_day: false,
        show_as: None,
        is_reminder_on: None,
        attendees: None,
        single_value_extended_properties: [PropertyBody { id: MARK, value: draft.appointment.as_str() }],
    }
}

/// What the clock shows in UTC. An offset or a `Z` is refused (protocols.md §4.2).
pub(super) fn moment(at: Timestamp) -> MomentBody {
    MomentBody { date_time: at.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.f").to_string(), time_zone: "UTC" }
}

/// RFC 3339 in UTC, in whole seconds.
pub(super) fn utc(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One line, without what is not to be seen.
pub(super) fn line(words: &str, len_max: usize) -> String {
    let seen = words.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !turns(*c));
    let line: String = seen.take(len_max).collect();
    line.trim().to_owned()
}

/// Lines. Sent as plain text, so that nothing in it opens a tag.
fn text(words: &str) -> String {
    let seen = words.chars().filter(|c| *c == '\n' || !(c.is_control() || turns(*c)));
    seen.take(TEXT_LEN_MAX).collect()
}

/// Whether a character turns the direction of writing, so that words read as what they are not.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
