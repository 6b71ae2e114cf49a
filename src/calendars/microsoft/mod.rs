//! Microsoft's calendars: questions in, requests out, answers understood (protocols.md §4.2).
//!
//! Reading is repeated within the asker's patience, writing never. Where Graph lets us choose, only what says when an
//! event takes place and whether it takes time is asked for: no title, no words and no guests. Changes come whole, since
//! there it lets nobody choose; what is not needed of them is not kept.

mod answers;
mod reading;
mod schedules;
mod windows_zones;
mod wire;
mod writing;
pub mod zones;

use std::{num::NonZeroUsize, time::Duration};

use futures_util::future::try_join_all;
use reqwest::{Method, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use self::{
    answers::{done, read},
    reading::{APART_MAX, event_change, instant, is_cancelled, mark},
    wire::{
        Calendar, EVENT_FIELDS, Event, EventPage, LongerBody, MARK, Page, Subscription, SubscriptionBody,
    },
    writing::{changed_event, line, new_event, utc},
};
use super::{
    Access, Busy, CHANGES_PER_PAGE, Changes, Draft, EVENTS_LISTED_MAX, Error, Events, Listed, Next, Since,
    Taken, Unknown, Watch, Watching,
    manners::{Manners, Repeat},
};
use crate::{
    domain::{
        availability::EventStatus,
        calendar::{CalendarAccess, EventChange, EventId, OutsideEvent, Place},
        time::{TimeRange, Timestamp, Zone},
    },
    platform::ids,
};

/// Calendars, or events, on a page.
const PER_PAGE: &str = "250";
/// Pages that are turned for one question; pages may be short or empty.
const PAGES_MAX: usize = 40;
/// Most events that are read to know what takes time in a calendar.
const BUSY_EVENTS_MAX: usize = 10_000;
/// Longest name of a calendar, in characters.
const NAME_LEN_MAX: usize = 200;
/// Our word for a mailbox's calendar whose own id we are not shown.
const DEFAULT_CALENDAR: &str = "default";
/// How much sooner a subscription ends than is wished for, in minutes: Graph refuses the last minute it allows when the
/// clocks differ.
const CLOCKS_APART: i64 = 60;

/// `[microsoft]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The application's id; empty when Microsoft is not offered.
    pub client_id: String,
    /// Its secret. It expires.
    pub client_secret: SecretString,
    /// Whose people may consent: `common`, `organizations`, `consumers` or an organisation's id.
    pub directory: String,
    /// Where people consent and codes become tokens, up to the directory.
    pub login_url: Url,
    /// Microsoft Graph.
    pub api_url: Url,
    /// Requests of one mailbox in the air at once, from this process.
    pub requests_at_once: NonZeroUsize,
}

/// Microsoft's calendars, cheap to clone.
#[derive(Clone, Debug)]
pub struct Microsoft {
    api: Url,
    client: reqwest::Client,
    manners: Manners,
}

impl Microsoft {
    pub(super) fn new(settings: &Settings, client: reqwest::Client, manners: Manners) -> Self {
        Self { api: settings.api_url.clone(), client, manners }
    }

    pub(super) async fn list(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Listed>, Error> {
        let query = [("$select", "id,name,canEdit,isDefaultCalendar,owner"), ("$top", PER_PAGE)];
        let first = self.address(mailbox, &["calendars"], &query);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Safely, || async {
            let (mut calendars, mut pages) = (vec![], Pages::from(first.clone()));
            while let Some(at) = pages.next()? {
                let answer: Page<Calendar> = read(self.dressed(Method::GET, who, at, None)).await?;
                calendars.extend(answer.value);
                pages.turn(self, answer.next)?;
            }
            Ok(calendars)
        });
        let calendars = match (asked.await, mailbox) {
            (Err(Error::Forbidden), Some(mailbox)) => return self.list_taken(who, mailbox, patience).await,
            (answer, _) => answer?,
        };
        let main = calendars.iter().find(|calendar| calendar.is_default_calendar == Some(true));
        let owner = main.and_then(|main| main.owner.as_ref()?.address.as_deref());
        let zone = self.zone(who, mailbox, mailbox.or(owner), patience).await?;
        Ok(calendars.into_iter().filter_map(|calendar| listed_of(calendar, mailbox, &zone)).collect())
    }

    pub(super) async fn busy(
        &self,
        who: &Access,
        places: &[&Place],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Vec<Busy>, Error> {
        try_join_all(places.iter().map(|place| self.busy_in(who, place, range, patience))).await
    }

    pub(super) async fn events(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Events, Error> {
        self.view(who, place, range, EVENTS_LISTED_MAX, patience).await
    }

    pub(super) async fn event(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        patience: Duration,
    ) -> Result<Option<OutsideEvent>, Error> {
        let expand = marked();
        let query = [("$select", EVENT_FIELDS), ("$expand", expand.as_str())];
        let at = self.address(place.mailbox.as_deref(), &["events", &id.0], &query);
        let asked = self.manners.ask(who, place.mailbox.as_deref(), patience, Repeat::Safely, || async {
            read::<Event>(self.dressed(Method::GET, who, at.clone(), None)).await
        });
        match asked.await {
            Ok(event) => match event_change(event, &place.zone)? {
                EventChange::Is(event) => Ok(Some(event)),
                EventChange::Gone(_) => Ok(None),
            },
            Err(Error::NotThere) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What programs have noted on events is not told here: whose an event is, is known by its id.
    pub(super) async fn changes(
        &self,
        who: &Access,
        place: &Place,
        since: &Since,
        patience: Duration,
    ) -> Result<Changes, Error> {
        let at = match since.mark.as_deref() {
            // A mark that is no address of Graph's is as good as none.
            Some(mark) => self.own(mark).ok_or(Error::BeginAnew)?,
            None => {
                let (from, until) = (utc(since.window.start), utc(up(since.window.end)));
                let window = [("startDateTime", from.as_str()), ("endDateTime", until.as_str())];
                self.calendar_address(place, &["calendarView", "delta"], &window)
            }
        };
        let asked = self.manners.ask(who, place.mailbox.as_deref(), patience, Repeat::Safely, || async {
            read::<EventPage>(self.dressed(Method::GET, who, at.clone(), Some(CHANGES_PER_PAGE))).await
        });
        let answer = match asked.await {
            // The same goes for one that Graph cannot make sense of.
            Err(Error::Refused { status: 400, .. }) if since.mark.is_some() => return Err(Error::BeginAnew),
            answer => answer?,
        };
        let changes = reading::changes(&answer.value, &place.zone)?;
        let next = match (answer.next, answer.delta) {
            (Some(next), _) => {
                let next = self.own(&next).ok_or(LEADS_AWAY)?;
                if next == at {
                    return Err(Error::Garbled("a page follows itself"));
                }
                Next::More(next.into())
            }
            (None, Some(delta)) => Next::Later(self.own(&delta).ok_or(LEADS_AWAY)?.into()),
            (None, None) => return Err(Error::Garbled("nothing follows a page")),
        };
        Ok(Changes { changes, next })
    }

    pub(super) async fn create(
        &self,
        who: &Access,
        place: &Place,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        let body = new_event(draft);
        let at = self.calendar_address(place, &["events"], &[]);
        let asked = self.manners.ask(who, place.mailbox.as_deref(), patience, Repeat::Never, || async {
            match read::<Event>(self.dressed(Method::POST, who, at.clone(), None).json(&body)).await {
                // Its name is taken: by this very draft, if an answer was lost.
                Err(Error::Refused { status: 409, .. }) => self.written_before(who, place, draft).await,
                answer => answer,
            }
        });
        there(ours(asked.await?, draft)?, place, draft)
    }

    pub(super) async fn change(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        seen: Option<&str>,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        let mailbox = place.mailbox.as_deref();
        let at = self.address(mailbox, &["events", &id.0], &[]);
        let look = self.address(mailbox, &["events", &id.0], &[("$select", "id,isOnlineMeeting")]);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Never, || async {
            // Staff may have made it a meeting online; its text holds the way in, and would be lost (protocols.md §4.2).
            let standing: Event = read(self.dressed(Method::GET, who, look.clone(), None)).await?;
            let body = changed_event(draft, standing.is_online_meeting != Some(true));
            let request = self.dressed(Method::PATCH, who, at.clone(), None).json(&body);
            read::<Event>(match seen {
                Some(etag) => request.header(header::IF_MATCH, etag),
                None => request,
            })
            .await
        });
        match asked.await {
            // Somebody else is changing it.
            Err(Error::Refused { status: 409, .. }) => Err(Error::Stale),
            answer => there(answer?, place, draft),
        }
    }

    pub(super) async fn remove(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        // Graph leaves no choice: whoever was invited is told, and nobody else.
        _notify: bool,
        patience: Duration,
    ) -> Result<(), Error> {
        let mailbox = place.mailbox.as_deref();
        let at = self.address(mailbox, &["events", &id.0], &[]);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Never, || async {
            done(self.dressed(Method::DELETE, who, at.clone(), None)).await
        });
        fine_if_gone(asked.await)
    }

    pub(super) async fn watch(
        &self,
        who: &Access,
        place: &Place,
        watch: &Watch,
        patience: Duration,
    ) -> Result<Watching, Error> {
        let mailbox = place.mailbox.as_deref();
        let body = SubscriptionBody {
            change_type: "created,updated,deleted",
            notification_url: &watch.address,
            lifecycle_notification_url: &watch.lifecycle_address,
            resource: match mailbox {
                Some(mailbox) => format!("users/{mailbox}/calendars/{}/events", place.calendar),
                None => format!("me/calendars/{}/events", place.calendar),
            },
            expiration_date_time: utc(allowed(watch.until)),
            client_state: watch.secret.expose_secret(),
            latest_supported_tls_version: "v1_2",
        };
        let at = self.below(&["subscriptions"]);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Never, || async {
            read::<Subscription>(self.dressed(Method::POST, who, at.clone(), None).json(&body)).await
        });
        watching(asked.await?, allowed(watch.until))
    }

    pub(super) async fn renew(
        &self,
        who: &Access,
        known: &Watching,
        until: Timestamp,
        patience: Duration,
    ) -> Result<Option<Watching>, Error> {
        let body = LongerBody { expiration_date_time: utc(allowed(until)) };
        let at = self.below(&["subscriptions", &known.id]);
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            read::<Subscription>(self.dressed(Method::PATCH, who, at.clone(), None).json(&body)).await
        });
        watching(asked.await?, allowed(until)).map(Some)
    }

    pub(super) async fn unwatch(
        &self,
        who: &Access,
        known: &Watching,
        patience: Duration,
    ) -> Result<(), Error> {
        let at = self.below(&["subscriptions", &known.id]);
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            done(self.dressed(Method::DELETE, who, at.clone(), None)).await
        });
        fine_if_gone(asked.await)
    }

    /// What takes time in a calendar. Its events say that exactly, of every calendar and for every kind of account; a
    /// schedule speaks of a whole mailbox and not at all of personal ones. It is asked for where we are not shown the
    /// calendar itself.
    async fn busy_in(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Busy, Error> {
        let answer = match place.mailbox.as_deref() {
            Some(mailbox) if place.calendar == DEFAULT_CALENDAR => {
                self.busy_by_schedule(who, mailbox, range, patience).await
            }
            _ => self.view(who, place, range, BUSY_EVENTS_MAX, patience).await.map(taken_by),
        };
        match answer {
            Err(Error::NotThere | Error::Forbidden) => Ok(Busy::Unknown(Unknown::NotThere)),
            Err(Error::Garbled(_)) => Ok(Busy::Unknown(Unknown::NotSaid)),
            answer => answer,
        }
    }

    /// The events that share time with `range`, at most `events_max` of them.
    async fn view(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        events_max: usize,
        patience: Duration,
    ) -> Result<Events, Error> {
        // A whole day is not at the same time everywhere: what Graph takes for the day is not what the calendar does.
        let from = utc(range.start.plus_minutes(-APART_MAX).max(Timestamp::MIN));
        let until = utc(up(range.end.plus_minutes(APART_MAX).min(Timestamp::MAX)));
        let expand = marked();
        let query = [
            ("startDateTime", from.as_str()),
            ("endDateTime", until.as_str()),
            ("$select", EVENT_FIELDS),
            ("$expand", expand.as_str()),
            ("$top", PER_PAGE),
        ];
        let first = self.calendar_address(place, &["calendarView"], &query);
        let asked = self.manners.ask(who, place.mailbox.as_deref(), patience, Repeat::Safely, || async {
            let (mut events, mut pages) = (vec![], Pages::from(first.clone()));
            // Pages too many are a calendar's answer as well: what is known of it is incomplete then.
            while events.len() <= events_max
                && let Some(at) = pages.next().unwrap_or(None)
            {
                let answer: EventPage = read(self.dressed(Method::GET, who, at, None)).await?;
                for change in reading::changes(&answer.value, &place.zone)? {
                    if let EventChange::Is(event) = change
                        && event.time.overlaps(range)
                    {
                        events.push(event);
                    }
                }
                pages.turn(self, answer.next)?;
            }
            Ok((events, pages))
        });
        let (mut events, pages) = asked.await?;
        let complete = events.len() <= events_max && pages.at.is_none();
        events.truncate(events_max);
        Ok(Events { events, complete })
    }

    /// The event that was written under the draft's name before, if it is there.
    async fn written_before(&self, who: &Access, place: &Place, draft: &Draft) -> Result<Event, Error> {
        let appointment = draft.appointment.as_str();
        let filter =
            format!("singleValueExtendedProperties/any(p: p/id eq '{MARK}' and p/value eq '{appointment}')");
        let (expand, key) = (marked(), draft.key.to_string());
        let query = [("$filter", &*filter), ("$select", EVENT_FIELDS), ("$expand", &*expand)];
        let at = self.calendar_address(place, &["events"], &query);
        let answer: Page<Event> = read(self.dressed(Method::GET, who, at, None)).await?;
        let named = |event: &Event| event.transaction_id.as_deref().is_some_and(|name| same(name, &key));
        answer.value.into_iter().find(named).ok_or(Error::NotOurs)
    }

    /// A request that is made like all of ours.
    fn dressed(&self, method: Method, who: &Access, at: Url, per_page: Option<u32>) -> RequestBuilder {
        // Ids that stay when an event is moved to another folder, and times in a zone that everybody knows.
        let mut prefer = String::from(r#"IdType="ImmutableId", outlook.timezone="UTC""#);
        if let Some(per_page) = per_page {
            prefer.push_str(&format!(", odata.maxpagesize={per_page}"));
        }
        let chance = ids::secret().first_chunk().copied().unwrap_or_default();
        let name = uuid::Builder::from_random_bytes(chance).into_uuid().to_string();
        self.client
            .request(method, at)
            .bearer_auth(who.token.expose_secret())
            .header("client-request-id", name)
            .header("prefer", prefer)
    }

    /// What lies below the API at `path`, whatever signs its parts have.
    fn below(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// What lies at `path` in a mailbox.
    fn address(&self, mailbox: Option<&str>, path: &[&str], query: &[(&str, &str)]) -> Url {
        let whose: &[&str] = match &mailbox {
            Some(mailbox) => &["users", mailbox],
            None => &["me"],
        };
        let mut url = self.below(&[whose, path].concat());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// What lies at `path` in a calendar.
    fn calendar_address(&self, place: &Place, path: &[&str], query: &[(&str, &str)]) -> Url {
        self.address(place.mailbox.as_deref(), &[&["calendars", &place.calendar], path].concat(), query)
    }

    /// An address that Graph has given us, if it is one of Graph's own: wherever we go, the token goes.
    fn own(&self, link: &str) -> Option<Url> {
        let link = Url::parse(link).ok()?;
        let api = &self.api;
        let same_place = link.origin() == api.origin()
            && link.username().is_empty()
            && link.password().is_none()
            && link.fragment().is_none();
        let below = link.path().strip_prefix(api.path().trim_end_matches('/'))?;
        (same_place && below.starts_with('/')).then_some(link)
    }
}

/// What is wrong with an answer whose next page is somebody else's.
const LEADS_AWAY: Error = Error::Garbled("a page leads elsewhere");

/// How far the pages of an answer have been turned.
struct Pages {
    at: Option<Url>,
    turned: usize,
}

impl From<Url> for Pages {
    fn from(first: Url) -> Self {
        Self { at: Some(first), turned: 0 }
    }
}

impl Pages {
    /// Where the next one is, if there is another one.
    fn next(&self) -> Result<Option<Url>, Error> {
        if self.turned >= PAGES_MAX && self.at.is_some() {
            return Err(Error::Garbled("its answer has no end"));
        }
        Ok(self.at.clone())
    }

    fn turn(&mut self, graph: &Microsoft, next: Option<String>) -> Result<(), Error> {
        self.at = match next.filter(|link| !link.is_empty()) {
            Some(link) => Some(graph.own(&link).ok_or(LEADS_AWAY)?),
            None => None,
        };
        self.turned += 1;
        Ok(())
    }
}

/// What is known of a calendar in the list, if it is one.
fn listed_of(calendar: Calendar, mailbox: Option<&str>, zone: &Zone) -> Option<Listed> {
    if calendar.id.is_empty() {
        return None;
    }
    let write = calendar.can_edit == Some(true);
    Some(Listed {
        place: Place { mailbox: mailbox.map(str::to_owned), calendar: calendar.id, zone: zone.clone() },
        name: line(&calendar.name.unwrap_or_default(), NAME_LEN_MAX),
        primary: calendar.is_default_calendar == Some(true),
        access: if write { CalendarAccess::Write } else { CalendarAccess::Read },
    })
}

/// The time these events take.
fn taken_by(known: Events) -> Busy {
    if !known.complete {
        return Busy::Unknown(Unknown::NotSaid);
    }
    let taken = known.events.into_iter().filter_map(|event| match event.status {
        EventStatus::Free | EventStatus::Declined | EventStatus::Cancelled => None,
        EventStatus::Busy
        | EventStatus::Tentative
        | EventStatus::OutOfOffice
        | EventStatus::WorkingElsewhere => Some(Taken { time: event.time, status: event.status }),
    });
    Busy::Known(taken.collect())
}

/// The whole second at or after `at`.
fn up(at: Timestamp) -> Timestamp {
    const SECOND: i64 = 1_000_000;
    match at.0.rem_euclid(SECOND) {
        0 => at,
        part => Timestamp(at.0.saturating_add(SECOND - part)),
    }
}

/// What has our mark come along with an event.
fn marked() -> String {
    format!("singleValueExtendedProperties($filter=id eq '{MARK}')")
}

/// Whether two names are one; Graph writes them as it likes.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The event under the draft's name, if it is the draft's, as far as the answer shows.
fn ours(event: Event, draft: &Draft) -> Result<Event, Error> {
    let others_name = event.transaction_id.as_deref().is_some_and(|name| !same(name, &draft.key.to_string()));
    let others_mark = mark(&event).is_some_and(|mark| mark != draft.appointment.as_str());
    if others_name || others_mark { Err(Error::NotOurs) } else { Ok(event) }
}

/// The event that was written, if it is there. What is written carries the draft's mark, which answers do not show.
fn there(event: Event, place: &Place, draft: &Draft) -> Result<OutsideEvent, Error> {
    if is_cancelled(&event) {
        return Err(Error::NotThere);
    }
    match event_change(event, &place.zone)? {
        EventChange::Is(event) => Ok(OutsideEvent { appointment: Some(draft.appointment.clone()), ..event }),
        EventChange::Gone(_) => Err(Error::NotThere),
    }
}

/// Until when a subscription is asked for.
fn allowed(wished: Timestamp) -> Timestamp {
    wished.plus_minutes(-CLOCKS_APART)
}

/// What Graph has agreed to.
fn watching(made: Subscription, asked: Timestamp) -> Result<Watching, Error> {
    if made.id.is_empty() {
        return Err(Error::Garbled("a subscription has no id"));
    }
    let until = match made.expiration_date_time.as_deref() {
        Some(text) => instant(text).ok_or(Error::Garbled("a subscription's end cannot be read"))?,
        None => asked,
    };
    Ok(Watching { id: made.id, resource: None, until })
}

fn fine_if_gone(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(Error::NotThere) => Ok(()),
        answer => answer,
    }
}
