//! Microsoft Graph's JSON, as far as it is read and written here (microsoft-graph-calendar.openapi.json).
//!
//! What is not needed is not kept, and where Graph lets us choose it is not asked for: no titles, no guests, no words.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The property by which an event carries our appointment's id. The set it is in is ours alone, so that no other
/// program writes there by accident.
pub(super) const MARK: &str = "String {6d1f2c0e-8a43-4b9e-9d57-3f0c5b7e2a91} Name frontdesk_appointment";
/// What is asked for of an event.
pub(super) const EVENT_FIELDS: &str = "id,start,end,isAllDay,isCancelled,showAs,responseStatus,type,seriesMasterId,\
     originalStartTimeZone,createdDateTime,transactionId";

/// A page of whatever there are several of.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta: Option<String>,
}

/// A page of events. Each is read on its own, so that one that makes no sense can be told from a page that makes none.
pub(super) type EventPage = Page<Box<RawValue>>;

/// A calendar.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Calendar {
    #[serde(default)]
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) can_edit: Option<bool>,
    pub(super) is_default_calendar: Option<bool>,
    pub(super) owner: Option<Owner>,
}

/// Whose it is.
#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) address: Option<String>,
}

/// How somebody has set up a mailbox.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MailboxSettings {
    pub(super) time_zone: Option<String>,
}

/// An event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default)]
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<Removed>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) is_all_day: Option<bool>,
    pub(super) is_cancelled: Option<bool>,
    pub(super) is_online_meeting: Option<bool>,
    pub(super) show_as: Option<String>,
    pub(super) response_status: Option<ResponseStatus>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) series_master_id: Option<String>,
    pub(super) original_start_time_zone: Option<String>,
    pub(super) created_date_time: Option<String>,
    pub(super) transaction_id: Option<String>,
    pub(super) single_value_extended_properties: Option<Vec<Property>>,
}

/// That it is not in the window any more, for whatever reason.
#[derive(Deserialize)]
pub(super) struct Removed {}

/// When something begins or ends: what the clock shows in a zone, without an offset.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    pub(super) date_time: Option<String>,
    pub(super) time_zone: Option<String>,
}

/// What whoever has the mailbox has answered.
#[derive(Deserialize)]
pub(super) struct ResponseStatus {
    pub(super) response: Option<String>,
}

/// What a program has noted on an event.
#[derive(Deserialize)]
pub(super) struct Property {
    #[serde(default)]
    pub(super) id: String,
    pub(super) value: Option<String>,
}

/// When somebody is free and when not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    /// `None` says nothing, and nothing is not free.
    pub(super) schedule_items: Option<Vec<ScheduleItem>>,
    pub(super) working_hours: Option<WorkingHours>,
    pub(super) error: Option<ScheduleError>,
}

/// A stretch of it.
#[derive(Deserialize)]
pub(super) struct ScheduleItem {
    pub(super) status: Option<String>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
}

/// Why it is not known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleError {
    pub(super) response_code: Option<String>,
}

/// When somebody works.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkingHours {
    pub(super) time_zone: Option<ZoneName>,
}

/// In which zone.
#[derive(Deserialize)]
pub(super) struct ZoneName {
    pub(super) name: Option<String>,
}

/// A subscription, by which changes are told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    #[serde(default)]
    pub(super) id: String,
    pub(super) expiration_date_time: Option<String>,
}

/// The question when somebody is free.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleQuestion<'q> {
    pub(super) schedules: [&'q str; 1],
    pub(super) start_time: MomentBody,
    pub(super) end_time: MomentBody,
    /// In minutes.
    pub(super) availability_view_interval: u32,
}

/// An event to be written, or what is to change about one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventBody<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transaction_id: Option<String>,
    pub(super) subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<TextBody>,
    pub(super) start: MomentBody,
    pub(super) end: MomentBody,
    pub(super) is_all_day: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) show_as: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_reminder_on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attendees: Option<[GuestBody<'d>; 1]>,
    pub(super) single_value_extended_properties: [PropertyBody<'d>; 1],
}

/// Its words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextBody {
    pub(super) content_type: &'static str,
    pub(super) content: String,
}

/// When it begins or ends.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MomentBody {
    pub(super) date_time: String,
    pub(super) time_zone: &'static str,
}

/// Who is invited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GuestBody<'d> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) email_address: AddressBody<'d>,
}

/// Where they get their mail.
#[derive(Serialize)]
pub(super) struct AddressBody<'d> {
    pub(super) address: &'d str,
    pub(super) name: String,
}

/// What is noted on it.
#[derive(Serialize)]
pub(super) struct PropertyBody<'d> {
    pub(super) id: &'static str,
    pub(super) value: &'d str,
}

/// A wish to be told of changes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionBody<'w> {
    pub(super) change_type: &'static str,
    pub(super) notification_url: &'w str,
    pub(super) lifecycle_notification_url: &'w str,
    pub(super) resource: String,
    pub(super) expiration_date_time: String,
    pub(super) client_state: &'w str,
    pub(super) latest_supported_tls_version: &'static str,
}

/// A wish to be told for longer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LongerBody {
    pub(super) expiration_date_time: String,
}
