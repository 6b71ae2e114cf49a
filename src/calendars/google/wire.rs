//! Google Calendar's JSON, as far as it is read and written here (google-calendar-v3.discovery.json).
//!
//! What is not needed is neither asked for nor kept: no titles, no guests, no words.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Under which private property an event carries our appointment's id. Only this calendar's copy has it.
pub(super) const MARK: &str = "frontdesk_appointment";
/// What is asked for of an event.
pub(super) const EVENT_FIELDS: &str = "id,status,etag,created,start,end,eventType,transparency,\
     attendees(self,responseStatus),extendedProperties/private";

/// A page of the calendars there are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalendarList {
    #[serde(default)]
    pub(super) items: Vec<CalendarEntry>,
    pub(super) next_page_token: Option<String>,
}

/// One of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalendarEntry {
    #[serde(default)]
    pub(super) id: String,
    pub(super) summary: Option<String>,
    pub(super) summary_override: Option<String>,
    #[serde(default)]
    pub(super) primary: bool,
    #[serde(default)]
    pub(super) access_role: String,
    pub(super) time_zone: Option<String>,
    #[serde(default)]
    pub(super) deleted: bool,
}

/// A page of events. Each is read on its own, so that one that makes no sense can be told from a page that makes none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventPage {
    #[serde(default)]
    pub(super) items: Vec<Box<RawValue>>,
    pub(super) next_page_token: Option<String>,
    pub(super) next_sync_token: Option<String>,
}

/// An event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default)]
    pub(super) id: String,
    pub(super) etag: Option<String>,
    pub(super) status: Option<String>,
    pub(super) created: Option<String>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) event_type: Option<String>,
    pub(super) transparency: Option<String>,
    #[serde(default)]
    pub(super) attendees: Vec<Guest>,
    #[serde(default)]
    pub(super) extended_properties: Properties,
}

/// When something begins or ends: a day, or an instant.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    pub(super) date: Option<String>,
    pub(super) date_time: Option<String>,
    pub(super) time_zone: Option<String>,
}

/// Somebody who is invited.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Guest {
    #[serde(default, rename = "self")]
    pub(super) is_self: bool,
    #[serde(default)]
    pub(super) response_status: String,
}

/// What programs have noted on an event.
#[derive(Default, Deserialize)]
pub(super) struct Properties {
    #[serde(default)]
    pub(super) private: HashMap<String, String>,
}

/// What takes time in which calendar.
#[derive(Deserialize)]
pub(super) struct FreeBusy {
    #[serde(default)]
    pub(super) calendars: HashMap<String, FreeBusyCalendar>,
}

/// What takes time in one, or why that is not known.
#[derive(Deserialize)]
pub(super) struct FreeBusyCalendar {
    #[serde(default)]
    pub(super) busy: Vec<Period>,
    #[serde(default)]
    pub(super) errors: Vec<Reason>,
}

/// A stretch of time.
#[derive(Deserialize)]
pub(super) struct Period {
    #[serde(default)]
    pub(super) start: String,
    #[serde(default)]
    pub(super) end: String,
}

/// Why something is not known.
#[derive(Deserialize)]
pub(super) struct Reason {
    #[serde(default)]
    pub(super) reason: String,
}

/// A channel through which changes are told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelMade {
    #[serde(default)]
    pub(super) id: String,
    pub(super) resource_id: Option<String>,
    /// Milliseconds since 1970, as a text.
    pub(super) expiration: Option<String>,
}

/// The question what takes time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FreeBusyQuestion<'q> {
    pub(super) time_min: String,
    pub(super) time_max: String,
    pub(super) calendar_expansion_max: usize,
    pub(super) items: Vec<FreeBusyItem<'q>>,
}

/// A calendar that is asked about.
#[derive(Serialize)]
pub(super) struct FreeBusyItem<'q> {
    pub(super) id: &'q str,
}

/// An event to be written, or what is to change about one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventBody<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) start: MomentBody<'d>,
    pub(super) end: MomentBody<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attendees: Option<[GuestBody<'d>; 1]>,
    pub(super) extended_properties: PropertiesBody<'d>,
}

/// When it begins or ends.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MomentBody<'d> {
    pub(super) date_time: String,
    pub(super) time_zone: &'d str,
    /// Null takes the date away from an event that somebody has stretched over whole days; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<()>,
}

/// Who is invited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GuestBody<'d> {
    pub(super) email: &'d str,
    pub(super) display_name: String,
}

/// What is noted on it.
#[derive(Serialize)]
pub(super) struct PropertiesBody<'d> {
    pub(super) private: HashMap<&'static str, &'d str>,
}

/// A wish to be told of changes.
#[derive(Serialize)]
pub(super) struct ChannelBody<'w> {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) address: &'w str,
    pub(super) token: &'w str,
    /// Milliseconds since 1970, as a text.
    pub(super) expiration: String,
}

/// The wish to be told no more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelStop<'w> {
    pub(super) id: &'w str,
    pub(super) resource_id: &'w str,
}
