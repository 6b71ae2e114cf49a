//! What we write into a Google calendar: names, times and words as Google takes them.

use std::collections::HashMap;

use super::{
    super::Draft,
    wire::{EventBody, GuestBody, MARK, MomentBody, PropertiesBody},
};
use crate::domain::time::{Timestamp, Zone};

/// Longest title, in characters.
pub(super) const TITLE_LEN_MAX: usize = 250;
/// Longest text, in characters; Google takes 8,192.
pub(super) const TEXT_LEN_MAX: usize = 7_500;
/// Longest name of somebody who is invited, in characters.
const NAME_LEN_MAX: usize = 100;

/// The event's name at Google: what base32hex can write, in small letters (protocols.md §3.2).
pub(super) fn event_id(key: uuid::Uuid) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    // 26 digits of five bits hold 130 of them; the first two are zero.
    let number = key.as_u128();
    (0..26).rev().map(|place| char::from(DIGITS[(number >> (place * 5)) as usize & 31])).collect()
}

/// The event as it is first written.
pub(super) fn new_event(draft: &Draft) -> EventBody<'_> {
    let attendee = draft.attendee.as_ref().map(|attendee| {
        [GuestBody { email: attendee.address.as_str(), display_name: line(&attendee.name, NAME_LEN_MAX) }]
    });
    EventBody { id: Some(event_id(draft.key)), attendees: attendee, ..changed_event(draft, None) }
}

/// What is to be true of an event that is there. Guests are left as they are: whoever is sent replaces all the others,
/// also those that staff have invited.
pub(super) fn changed_event(draft: &Draft, date: Option<()>) -> EventBody<'_> {
    let moment = |at| MomentBody { date_time: wall(at, &draft.zone), time_zone: draft.zone.name(), date };
    EventBody {
        id: None,
        summary: line(&draft.title, TITLE_LEN_MAX),
        description: text(&draft.text),
        start: moment(draft.time.start),
        end: moment(draft.time.end),
        attendees: None,
        extended_properties: PropertiesBody { private: HashMap::from([(MARK, draft.appointment.as_str())]) },
    }
}

/// RFC 3339 in UTC, in whole seconds: Google ignores the rest.
pub(super) fn utc(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 with the zone's offset.
fn wall(at: Timestamp, zone: &Zone) -> String {
    zone.wall(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// One line, without what is not to be seen.
pub(super) fn line(words: &str, len_max: usize) -> String {
    let seen = words.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !turns(*c));
    let line: String = seen.take(len_max).collect();
    line.trim().to_owned()
}

/// Lines. Google shows descriptions as HTML, so what would open a tag becomes what only looks like it.
fn text(words: &str) -> String {
    let seen = words.chars().filter(|c| *c == '\n' || !(c.is_control() || turns(*c)));
    let plain = seen.map(|c| match c {
        '<' => '‹',
        '>' => '›',
        c => c,
    });
    plain.take(TEXT_LEN_MAX).collect()
}

/// Whether a character turns the direction of writing, so that words read as what they are not.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
