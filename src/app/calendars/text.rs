//! What an event says: what staff need to know of an appointment, and nothing more.
//!
//! Whatever callers have said is cleaned: one line stays one line, and nothing is markup.

use aws_lc_rs::digest;

use crate::{
    calendars::{Attendee, Draft},
    domain::{
        assistant::Language,
        booking::{Appointment, Resource, Service},
        contact::Contact,
        phone::E164,
    },
};

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 120;
/// Longest line of a note, in characters.
const LINE_CHARS_MAX: usize = 1_000;

/// What an event is about.
pub(super) struct About<'a> {
    /// In whose words.
    pub language: Language,
    /// The appointment.
    pub appointment: &'a Appointment,
    /// What is booked.
    pub service: &'a Service,
    /// With whom.
    pub resource: Option<&'a Resource>,
    /// For whom.
    pub contact: Option<&'a Contact>,
    /// Whether whoever it is for has said on the telephone that they will come.
    pub coming: bool,
    /// Where appointments are looked at.
    pub page: &'a str,
}

impl About<'_> {
    fn service_name(&self) -> &str {
        let names = &self.service.names;
        let name = names.get(self.language.code()).or_else(|| names.values().next());
        name.map_or(self.service.key.as_str(), String::as_str)
    }

    fn contact_name(&self) -> &str {
        self.contact.map_or("", |contact| contact.name.as_str())
    }
}

/// The event's title: what is booked and for whom.
pub(super) fn title(about: &About<'_>) -> String {
    let (service, contact) = (about.service_name(), about.contact_name());
    let title = if contact.trim().is_empty() { service.to_owned() } else { format!("{service}: {contact}") };
    line(&title, TITLE_CHARS_MAX)
}

/// The event's text: who, which number, what, with whom, the note, where to look.
pub(super) fn text(about: &About<'_>) -> String {
    let [name, number, service, with, seats, note, coming, promised] = match about.language {
        Language::German => {
            ["Name", "Telefon", "Leistung", "Bei", "Plätze", "Anmerkung", "Kommt", "am Telefon bestätigt"]
        }
        Language::English => {
            ["Name", "Telephone", "Service", "With", "Seats", "Note", "Coming", "confirmed on the telephone"]
        }
    };
    let said = about.contact.and_then(|contact| contact.number.as_ref()).map(E164::as_str);
    let places = (about.appointment.seats > 1).then(|| about.appointment.seats.to_string());
    let lines = [
        (name, Some(about.contact_name())),
        (number, said),
        (service, Some(about.service_name())),
        (with, about.resource.map(|resource| resource.name.as_str())),
        (seats, places.as_deref()),
        (note, Some(about.appointment.note.as_str())),
        (coming, about.coming.then_some(promised)),
    ];
    let mut text = String::new();
    for (label, value) in lines {
        let value = line(value.unwrap_or_default(), LINE_CHARS_MAX);
        if !value.is_empty() {
            text.push_str(&format!("{label}: {value}\n"));
        }
    }
    text.push_str(&format!("\n{}/{}\n", about.page, about.appointment.id));
    text
}

/// What an event says, in a few bytes: equal when it is.
pub(super) fn digest(draft: &Draft) -> String {
    let attendee =
        draft.attendee.as_ref().map(|attendee| (attendee.address.as_str(), attendee.name.as_str()));
    let (address, name) = attendee.unwrap_or_default();
    let content = [draft.title.as_str(), draft.text.as_str(), address, name].join("\0");
    digest::digest(&digest::SHA256, content.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether changes of an appointment are told to the contact by mail.
pub(super) fn invites(service: &Service, contact: Option<&Contact>) -> bool {
    service.invites && contact.is_some_and(|contact| contact.email.is_some())
}

/// Who is invited: the contact, where the service says so and an address is known.
pub(super) fn attendee(about: &About<'_>) -> Option<Attendee> {
    let contact = about.contact.filter(|_| about.service.invites)?;
    Some(Attendee { address: contact.email.clone()?, name: line(&contact.name, TITLE_CHARS_MAX) })
}

/// One line, without control characters or characters that change how a line is read, cut to a length.
fn line(text: &str, chars_max: usize) -> String {
    let turned =
        |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced = text.chars().filter(|c| !turned(c)).map(|c| if c.is_control() { ' ' } else { c });
    let spaced: String = spaced.take(chars_max).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
