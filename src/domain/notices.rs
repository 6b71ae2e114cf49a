//! What needs somebody, and how members want to be told of it.
//!
//! A [`Notice`] is derived from what is stored and gone when its cause is; nobody keeps it. Who is told by mail chooses so per
//! kind: at once, once a day, or not, with hours in which nothing comes.

use std::{collections::BTreeMap, str::FromStr};

use jiff::{ToSpan, civil};

use super::{
    availability::instant,
    people::{Role, Subject},
    phone::E164,
    time::{Timestamp, Zone},
};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $error:ident = $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        #[doc = concat!("A text that is none of the words for ", $what, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error("must be one of: {}", [$($word),*].join(", "))]
        pub struct $error;

        impl $name {
            /// Each of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word it is stored and shown as.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(word: &str) -> Result<Self, $error> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or($error)
            }
        }
    )*};
}

words! {
    /// What can need somebody, the most urgent first.
    NoticeKind, NotANoticeKind = "what needs somebody" {
        /// A calendar outside lets us in no more.
        CalendarCutOff = "calendar_cut_off",
        /// A calendar that is used is not there any more.
        CalendarGone = "calendar_gone",
        /// Two things want the same time.
        Clashes = "clashes",
        /// Calls were refused, because as many were in the air as may be.
        LimitReached = "limit_reached",
        /// Almost as many calls are in the air as may be.
        LimitNear = "limit_near",
        /// People could not be reminded of appointments that are still to come.
        RemindersFailed = "reminders_failed",
        /// Nobody answers a number.
        NumberWithoutAssistant = "number_without_assistant",
        /// Twilio does not know where to ask when a number rings.
        NumberNotSetUp = "number_not_set_up",
        /// Callers have left messages nobody has looked after.
        Messages = "messages",
        /// A webhook was not told what it was to be told.
        WebhookDead = "webhook_dead",
    }

    /// What members can be told of by mail.
    EventKind, NotAnEventKind = "what can be told by mail" {
        /// A caller has left a message.
        Message = "message",
        /// A caller has left a message that is urgent.
        UrgentCall = "urgent_call",
        /// A caller has given back an appointment that was less than a day away.
        Cancellation = "cancellation",
        /// A calendar outside lets us in no more, or is gone.
        CalendarCutOff = "calendar_cut_off",
        /// Somebody could not be reminded.
        ReminderFailed = "reminder_failed",
        /// Two things want the same time.
        Clash = "clash",
        /// Calls were refused, because as many were in the air as may be.
        Limit = "limit",
        /// A webhook was not told what it was to be told.
        Webhook = "webhook",
    }

    /// How a member wants to be told.
    Choice, NotAChoice = "how somebody wants to be told" {
        /// As soon as it happens, quiet hours apart.
        AtOnce = "at_once",
        /// In one mail a day, together with everything else.
        Daily = "daily",
        /// Not by mail.
        Never = "never",
    }
}

impl NoticeKind {
    /// Who may see it: whoever may look at that.
    pub fn subject(self) -> Subject {
        match self {
            Self::CalendarCutOff | Self::CalendarGone => Subject::Calendars,
            Self::Clashes | Self::RemindersFailed => Subject::Appointments,
            Self::LimitReached | Self::LimitNear => Subject::Calls,
            Self::NumberWithoutAssistant | Self::NumberNotSetUp => Subject::Numbers,
            Self::Messages => Subject::Messages,
            Self::WebhookDead => Subject::Webhooks,
        }
    }
}

impl EventKind {
    /// Who may be told of it: whoever may look at that.
    pub fn subject(self) -> Subject {
        match self {
            Self::Message | Self::UrgentCall => Subject::Messages,
            Self::Cancellation | Self::ReminderFailed | Self::Clash => Subject::Appointments,
            Self::CalendarCutOff => Subject::Calendars,
            Self::Limit => Subject::Calls,
            Self::Webhook => Subject::Webhooks,
        }
    }
}

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub kind: NoticeKind,
    /// The id of what it is about, where it is about one thing.
    pub about: Option<String>,
    /// What that is called by those who work there.
    pub name: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How many: messages, clashes, calls, appointments, deliveries.
    pub count: u64,
    /// How many appointments wait to be written meanwhile, of which callers are told that confirmation follows.
    pub waiting: u64,
}

/// When the daily mail goes when nobody says otherwise, in minutes since midnight.
pub const DAILY_MIN: u32 = 7 * 60 + 30;
/// Minutes of a day.
pub const DAY_MIN: u32 = 24 * 60;

/// How a member wants to be told what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// What she has chosen; as is usual for her role where nothing is said.
    pub choices: BTreeMap<EventKind, Choice>,
    /// From when until when nothing comes at once, in minutes since midnight where the tenant is; over midnight when the end is
    /// before the beginning.
    pub quiet: Option<(u32, u32)>,
    /// When the daily mail goes, in minutes since midnight where the tenant is.
    pub daily_min: u32,
    /// Where a text message goes, too, when a calendar is cut off and she is told of it at once.
    pub sms: Option<E164>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { choices: BTreeMap::new(), quiet: None, daily_min: DAILY_MIN, sms: None }
    }
}

impl Preferences {
    /// What somebody of that role wants who may see it: usual is that admins are told at once what keeps appointments from
    /// their calendars, and nobody is told anything else.
    pub fn choice(&self, kind: EventKind, role: Role) -> Choice {
        if let Some(choice) = self.choices.get(&kind) {
            return *choice;
        }
        match kind {
            EventKind::CalendarCutOff | EventKind::Clash if role >= Role::Admin => Choice::AtOnce,
            EventKind::CalendarCutOff
            | EventKind::Clash
            | EventKind::Message
            | EventKind::UrgentCall
            | EventKind::Cancellation
            | EventKind::ReminderFailed
            | EventKind::Limit
            | EventKind::Webhook => Choice::Never,
        }
    }

    /// When her quiet hours end, if it is in them at `now`.
    pub fn quiet_until(&self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let (from, until) = self.quiet.filter(|(from, until)| from != until)?;
        let wall = zone.wall(now);
        let minute = minute_of(wall.time());
        let (quiet, tomorrow) = if from < until {
            ((from..until).contains(&minute), false)
        } else {
            (minute >= from || minute < until, minute >= from)
        };
        let date = if tomorrow { wall.date().saturating_add(1.day()) } else { wall.date() };
        quiet.then(|| instant(date, time_of(until), zone))
    }

    /// Whether the daily mail of the day it is at `now` is due; `last` is the day of the last.
    pub fn daily_due(&self, now: Timestamp, zone: &Zone, last: Option<civil::Date>) -> bool {
        let wall = zone.wall(now);
        last != Some(wall.date()) && minute_of(wall.time()) >= self.daily_min
    }

    /// When the next daily mail is due after `now`, when today's has gone.
    pub fn next_daily(&self, now: Timestamp, zone: &Zone) -> Timestamp {
        let today = instant(zone.wall(now).date(), time_of(self.daily_min), zone);
        if today > now {
            return today;
        }
        instant(zone.wall(now).date().saturating_add(1.day()), time_of(self.daily_min), zone)
    }
}

fn minute_of(time: civil::Time) -> u32 {
    u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
}

/// The time of day so many minutes after midnight.
pub fn time_of(minute: u32) -> civil::Time {
    let hour = i8::try_from(minute / 60 % 24).unwrap_or(0);
    civil::Time::new(hour, i8::try_from(minute % 60).unwrap_or(0), 0, 0).unwrap_or(civil::Time::midnight())
}
