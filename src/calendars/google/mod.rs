//! Google's calendars: questions in, requests out, answers understood (protocols.md §3.2).
//!
//! Reading is repeated within the asker's patience, writing never. Of an event only what says when it takes place and
//! whether it takes time is asked for: no title, no words and no guests cross the wire.

mod answers;
mod reading;
mod wire;
mod writing;

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use reqwest::{Method, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::{
    answers::{done, read},
    reading::{change, event_change, instant, is_cancelled, not_empty},
    wire::{
        CalendarEntry, CalendarList, ChannelBody, ChannelMade, ChannelStop, EVENT_FIELDS, Event, EventPage,
        FreeBusy, FreeBusyCalendar, FreeBusyItem, FreeBusyQuestion, MARK,
    },
    writing::{changed_event, event_id, line, new_event, utc},
};
use super::{
    Access, Busy, CHANGES_PER_PAGE, Changes, Draft, EVENTS_LISTED_MAX, Error, Events, Listed, Next, Since,
    Taken, Unknown, Watch, Watching,
    manners::{Manners, Repeat},
};
use crate::domain::{
    availability::EventStatus,
    calendar::{CalendarAccess, EventChange, EventId, OutsideEvent, Place},
    time::{TimeRange, Timestamp, Zone},
};

/// Calendars asked about in one free/busy question (protocols.md §3.2).
const BUSY_CALENDARS_MAX: usize = 50;
/// Longest stretch of one free/busy question, in minutes: 60 days. Google refuses long ones and does not say which.
const BUSY_SPAN_MAX: i64 = 60 * 24 * 60;
/// Calendars on a page of the list.
const LISTED_PER_PAGE: &str = "250";
/// Pages that are turned for one question; pages may be short or empty.
const PAGES_MAX: usize = 40;
/// Longest name of a calendar, in characters.
const NAME_LEN_MAX: usize = 200;
/// What keeps an answer about one event short: of its guests only whoever the calendar belongs to.
const SHORT: [(&str, &str); 2] = [("maxAttendees", "1"), ("fields", EVENT_FIELDS)];
/// What is asked for of a calendar.
const LISTED_FIELDS: &str =
    "nextPageToken,items(id,summary,summaryOverride,primary,accessRole,timeZone,deleted)";

/// `[google]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The OAuth client's id; empty when Google is not offered.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Where people consent.
    pub authorize_url: url::Url,
    /// Where codes become tokens.
    pub token_url: url::Url,
    /// Where tokens are given back.
    pub revoke_url: url::Url,
    /// Google Calendar's API.
    pub api_url: url::Url,
    /// Requests of one mailbox in the air at once, from this process.
    pub requests_at_once: NonZeroUsize,
}

/// Google's calendars, cheap to clone.
#[derive(Clone, Debug)]
pub struct Google {
    api: url::Url,
    client: reqwest::Client,
    manners: Manners,
}

/// What a mark of ours says: where in which round.
enum Mark<'m> {
    /// A further page of everything.
    Page(&'m str),
    /// What has changed since.
    Sync(&'m str),
    /// A further page of what has changed since.
    SyncPage(&'m str, &'m str),
}

impl<'m> Mark<'m> {
    fn read(mark: &'m str) -> Option<Self> {
        let (kind, token) = mark.split_once(':')?;
        match kind {
            "page" => Some(Self::Page(token)),
            "sync" => Some(Self::Sync(token)),
            "more" => {
                let (len, tokens) = token.split_once(':')?;
                let (sync, page) = tokens.split_at_checked(len.parse().ok()?)?;
                Some(Self::SyncPage(sync, page))
            }
            _ => None,
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Page(page) => format!("page:{page}"),
            Self::Sync(sync) => format!("sync:{sync}"),
            Self::SyncPage(sync, page) => format!("more:{}:{sync}{page}", sync.len()),
        }
    }

    fn sync(&self) -> Option<&'m str> {
        match self {
            Self::Page(_) => None,
            Self::Sync(sync) | Self::SyncPage(sync, _) => Some(sync),
        }
    }

    fn page(&self) -> Option<&'m str> {
        match self {
            Self::Sync(_) => None,
            Self::Page(page) | Self::SyncPage(_, page) => Some(page),
        }
    }
}

impl Google {
    pub(super) fn new(settings: &Settings, client: reqwest::Client, manners: Manners) -> Self {
        Self { api: settings.api_url.clone(), client, manners }
    }

    pub(super) async fn list(
        &self,
        who: &Access,
        // Only an organisation agrees for mailboxes that are not its own, and only at Microsoft.
        _mailbox: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Listed>, Error> {
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            let (mut listed, mut page) = (vec![], Page::default());
            while page.more()? {
                let mut query = vec![("maxResults", LISTED_PER_PAGE), ("fields", LISTED_FIELDS)];
                query.extend(page.asked());
                let path = ["users", "me", "calendarList"];
                let answer: CalendarList = read(self.request(Method::GET, who, &path, &query)).await?;
                listed.extend(answer.items.into_iter().filter_map(listed_of));
                page.turn(answer.next_page_token);
            }
            Ok(listed)
        });
        asked.await
    }

    pub(super) async fn busy(
        &self,
        who: &Access,
        places: &[&Place],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Vec<Busy>, Error> {
        let questions: Vec<_> = places
            .chunks(BUSY_CALENDARS_MAX)
            .flat_map(|places| spans(range).into_iter().map(move |span| (places, span)))
            .collect();
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            let mut known: HashMap<&str, Busy> = HashMap::new();
            for (places, span) in &questions {
                let question = FreeBusyQuestion {
                    time_min: utc(span.start),
                    time_max: utc(up(span.end)),
                    calendar_expansion_max: BUSY_CALENDARS_MAX,
                    items: places.iter().map(|place| FreeBusyItem { id: &place.calendar }).collect(),
                };
                let request = self.request(Method::POST, who, &["freeBusy"], &[]).json(&question);
                let mut answer: FreeBusy = read(request).await?;
                // A calendar named twice is answered once.
                let answers: HashMap<&str, Busy> = places
                    .iter()
                    .map(|place| (place.calendar.as_str(), answer.calendars.remove(&place.calendar)))
                    .fold(HashMap::new(), |mut all, (id, entry)| {
                        all.entry(id).or_insert_with(|| busy_of(entry));
                        all
                    });
                for (id, answer) in answers {
                    let before = known.remove(id).unwrap_or(Busy::Known(vec![]));
                    known.insert(id, both(before, answer));
                }
            }
            Ok(known)
        });
        let known = asked.await?;
        let unknown = Busy::Unknown(Unknown::NotSaid);
        let answers = places.iter().map(|place| known.get(place.calendar.as_str()).unwrap_or(&unknown));
        Ok(answers.cloned().collect())
    }

    pub(super) async fn events(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Events, Error> {
        let fields = format!("nextPageToken,items({EVENT_FIELDS})");
        let (from, until) = (utc(range.start), utc(up(range.end)));
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            let (mut events, mut page) = (vec![], Page::default());
            // Two pages too many are a calendar's answer as well: what is known of it is incomplete then.
            while events.len() <= EVENTS_LISTED_MAX && page.more().unwrap_or(false) {
                let mut query = vec![
                    ("singleEvents", "true"),
                    ("orderBy", "startTime"),
                    ("maxAttendees", "1"),
                    ("maxResults", "250"),
                    ("timeMin", &*from),
                    ("timeMax", &*until),
                    ("fields", &*fields),
                ];
                query.extend(page.asked());
                let answer: EventPage = read(self.events_request(Method::GET, who, place, &query)).await?;
                for raw in &answer.items {
                    if let EventChange::Is(event) = change(raw, &place.zone)?
                        && event.time.overlaps(range)
                    {
                        events.push(event);
                    }
                }
                page.turn(answer.next_page_token);
            }
            Ok((events, page))
        });
        let (mut events, page) = asked.await?;
        let complete = events.len() <= EVENTS_LISTED_MAX && page.at_the_end();
        events.truncate(EVENTS_LISTED_MAX);
        Ok(Events { events, complete })
    }

    pub(super) async fn event(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        patience: Duration,
    ) -> Result<Option<OutsideEvent>, Error> {
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            read::<Event>(self.event_request(Method::GET, who, place, &id.0, &SHORT)).await
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

    pub(super) async fn changes(
        &self,
        who: &Access,
        place: &Place,
        since: &Since,
        patience: Duration,
    ) -> Result<Changes, Error> {
        let mark = match since.mark.as_deref() {
            None => None,
            Some(text) => Some(Mark::read(text).ok_or(Error::BeginAnew)?),
        };
        let (sync, page) = mark.as_ref().map_or((None, None), |mark| (mark.sync(), mark.page()));
        let per_page = CHANGES_PER_PAGE.to_string();
        let fields = format!("nextPageToken,nextSyncToken,items({EVENT_FIELDS})");
        let mut query = vec![
            ("singleEvents", "true"),
            ("maxAttendees", "1"),
            ("maxResults", per_page.as_str()),
            ("fields", fields.as_str()),
        ];
        let (from, until) = (utc(since.window.start), utc(up(since.window.end)));
        match sync {
            Some(sync) => query.push(("syncToken", sync)),
            // They are part of what a sync token stands for, and must not stand beside one.
            None => query.extend([("timeMin", from.as_str()), ("timeMax", until.as_str())]),
        }
        query.extend(page.map(|page| ("pageToken", page)));
        let asked = self.manners.ask(who, None, patience, Repeat::Safely, || async {
            read::<EventPage>(self.events_request(Method::GET, who, place, &query)).await
        });
        let answer = match asked.await {
            // A mark that it cannot make sense of is as good as none.
            Err(Error::Refused { status: 400, .. }) if mark.is_some() => return Err(Error::BeginAnew),
            answer => answer?,
        };
        let changes = answer.items.iter().map(|raw| change(raw, &place.zone)).collect::<Result<_, _>>()?;
        let next = match (answer.next_page_token.as_deref(), answer.next_sync_token.as_deref()) {
            (Some(next), _) if Some(next) == page => return Err(Error::Garbled("a page follows itself")),
            (Some(next), _) => {
                let further = sync.map_or(Mark::Page(next), |sync| Mark::SyncPage(sync, next));
                Next::More(further.written())
            }
            (None, Some(sync)) => Next::Later(Mark::Sync(sync).written()),
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
        let [short, fields] = SHORT;
        let query = [short, fields, updates(draft.attendee.is_some())];
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            let request = self.events_request(Method::POST, who, place, &query);
            match read::<Event>(request.json(&body)).await {
                // Its name is taken: by this very draft, if an answer was lost.
                Err(Error::Refused { status: 409, .. }) => {
                    let there = self.event_request(Method::GET, who, place, &event_id(draft.key), &SHORT);
                    ours(read(there).await?, draft)
                }
                answer => answer,
            }
        });
        there(asked.await?, &place.zone)
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
        let body = changed_event(draft, Some(()));
        let [short, fields] = SHORT;
        let query = [short, fields, updates(draft.attendee.is_some())];
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            let request = self.event_request(Method::PATCH, who, place, &id.0, &query).json(&body);
            read(match seen {
                Some(etag) => request.header(header::IF_MATCH, etag),
                None => request,
            })
            .await
        });
        match asked.await {
            // Somebody else is changing it.
            Err(Error::Refused { status: 409, .. }) => Err(Error::Stale),
            answer => there(answer?, &place.zone),
        }
    }

    pub(super) async fn remove(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        notify: bool,
        patience: Duration,
    ) -> Result<(), Error> {
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            let request = self.event_request(Method::DELETE, who, place, &id.0, &[updates(notify)]);
            done(request).await
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
        let body = ChannelBody {
            id: watch.id.to_string(),
            kind: "web_hook",
            address: &watch.address,
            token: watch.secret.expose_secret(),
            expiration: (watch.until.0 / 1_000).to_string(),
        };
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            let path = ["calendars", &place.calendar, "events", "watch"];
            let request = self.request(Method::POST, who, &path, &[]);
            read::<ChannelMade>(request.json(&body)).await
        });
        let made = asked.await?;
        let until = match &made.expiration {
            Some(millis) => {
                let millis: i64 =
                    millis.parse().map_err(|_| Error::Garbled("a channel's end cannot be read"))?;
                Timestamp(millis.saturating_mul(1_000)).clamp(Timestamp::MIN, Timestamp::MAX)
            }
            None => watch.until,
        };
        let id = if made.id.is_empty() { body.id } else { made.id };
        Ok(Watching { id, resource: made.resource_id, until })
    }

    /// Google knows no such thing: a channel ends, and another one begins.
    #[expect(clippy::unused_async, reason = "the other vendor asks")]
    pub(super) async fn renew(
        &self,
        _who: &Access,
        _watching: &Watching,
        _until: Timestamp,
        _patience: Duration,
    ) -> Result<Option<Watching>, Error> {
        Ok(None)
    }

    pub(super) async fn unwatch(
        &self,
        who: &Access,
        watching: &Watching,
        patience: Duration,
    ) -> Result<(), Error> {
        // Without it a channel cannot be stopped, and ends at its time.
        let Some(resource_id) = &watching.resource else { return Ok(()) };
        let stop = ChannelStop { id: &watching.id, resource_id };
        let asked = self.manners.ask(who, None, patience, Repeat::Never, || async {
            let request = self.request(Method::POST, who, &["channels", "stop"], &[]).json(&stop);
            done(request).await
        });
        fine_if_gone(asked.await)
    }

    /// A request for what lies below the API at `path`, whatever signs its parts have.
    fn request(&self, method: Method, who: &Access, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client.request(method, url).bearer_auth(who.token.expose_secret())
    }

    fn events_request(
        &self,
        method: Method,
        who: &Access,
        place: &Place,
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        self.request(method, who, &["calendars", &place.calendar, "events"], query)
    }

    fn event_request(
        &self,
        method: Method,
        who: &Access,
        place: &Place,
        id: &str,
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        self.request(method, who, &["calendars", &place.calendar, "events", id], query)
    }
}

/// How far the pages of an answer have been turned.
#[derive(Default)]
struct Page {
    next: Option<String>,
    turned: usize,
}

impl Page {
    /// Whether there is another one.
    fn more(&self) -> Result<bool, Error> {
        if self.turned >= PAGES_MAX && self.next.is_some() {
            return Err(Error::Garbled("its answer has no end"));
        }
        Ok(!self.at_the_end())
    }

    fn at_the_end(&self) -> bool {
        self.turned > 0 && self.next.is_none()
    }

    fn asked(&self) -> Option<(&'static str, &str)> {
        self.next.as_deref().map(|token| ("pageToken", token))
    }

    fn turn(&mut self, next: Option<String>) {
        self.next = next.filter(|token| !token.is_empty());
        self.turned += 1;
    }
}

/// What is known of a calendar in the list, if it is one.
fn listed_of(entry: CalendarEntry) -> Option<Listed> {
    if entry.deleted || entry.id.is_empty() || entry.access_role == "none" {
        return None;
    }
    let access = match entry.access_role.as_str() {
        "owner" => CalendarAccess::Write,
        // Whoever else may read or write: the scope we ask for, `calendar.events.owned`, reaches the events of owned
        // calendars only. Of all others it can be known when they are taken.
        _ => CalendarAccess::FreeBusy,
    };
    let zone = entry.time_zone.and_then(|name| name.parse().ok()).unwrap_or_else(Zone::utc);
    let name = entry.summary_override.or(entry.summary).unwrap_or_default();
    Some(Listed {
        place: Place { mailbox: None, calendar: entry.id, zone },
        name: line(&name, NAME_LEN_MAX),
        primary: entry.primary,
        access,
    })
}

/// What an entry says of a calendar; one with errors says nothing, whatever else it says.
fn busy_of(entry: Option<FreeBusyCalendar>) -> Busy {
    let Some(entry) = entry else { return Busy::Unknown(Unknown::NotSaid) };
    if let Some(error) = entry.errors.first() {
        let gone = error.reason == "notFound";
        return Busy::Unknown(if gone { Unknown::NotThere } else { Unknown::NotSaid });
    }
    let taken = entry.busy.iter().map(|period| {
        let (start, end) = (instant(&period.start)?, instant(&period.end)?);
        (start <= end).then(|| Taken { time: not_empty(start, end), status: EventStatus::Busy })
    });
    taken.collect::<Option<_>>().map_or(Busy::Unknown(Unknown::NotSaid), Busy::Known)
}

/// What two stretches say together.
fn both(one: Busy, other: Busy) -> Busy {
    match (one, other) {
        (Busy::Known(mut taken), Busy::Known(more)) => {
            taken.extend(more);
            Busy::Known(taken)
        }
        (Busy::Unknown(why), _) | (_, Busy::Unknown(why)) => Busy::Unknown(why),
    }
}

/// The range in stretches that Google takes.
fn spans(range: TimeRange) -> Vec<TimeRange> {
    let mut spans = vec![];
    let mut start = range.start;
    while start < range.end {
        let end = start.plus_minutes(BUSY_SPAN_MAX).min(range.end);
        spans.push(TimeRange { start, end });
        start = end;
    }
    spans
}

/// The whole second at or after `at`.
fn up(at: Timestamp) -> Timestamp {
    const SECOND: i64 = 1_000_000;
    match at.0.rem_euclid(SECOND) {
        0 => at,
        part => Timestamp(at.0.saturating_add(SECOND - part)),
    }
}

/// Whether guests are told.
fn updates(tell: bool) -> (&'static str, &'static str) {
    ("sendUpdates", if tell { "all" } else { "none" })
}

/// The event under the draft's name, if it is the draft's.
fn ours(event: Event, draft: &Draft) -> Result<Event, Error> {
    let mark = event.extended_properties.private.get(MARK).map(String::as_str);
    match mark {
        Some(mark) if mark == draft.appointment.as_str() && !is_cancelled(&event) => Ok(event),
        // It was deleted; then nothing else is certain to be left of it, and its name is never free again.
        Some(mark) if mark != draft.appointment.as_str() => Err(Error::NotOurs),
        Some(_) | None if is_cancelled(&event) => Err(Error::NotThere),
        Some(_) | None => Err(Error::NotOurs),
    }
}

/// The event that was written, if it is there.
fn there(event: Event, zone: &Zone) -> Result<OutsideEvent, Error> {
    match event_change(event, zone)? {
        EventChange::Is(event) => Ok(event),
        EventChange::Gone(_) => Err(Error::NotThere),
    }
}

fn fine_if_gone(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(Error::NotThere) => Ok(()),
        answer => answer,
    }
}
