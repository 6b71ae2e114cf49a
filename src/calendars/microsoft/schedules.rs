//! What can be known of a mailbox without seeing its calendars: when it is taken, and in which zone it is.

use std::time::Duration;

use reqwest::Method;

use super::{
    super::{Access, Busy, Error, Listed, manners::Repeat},
    DEFAULT_CALENDAR, Microsoft, NAME_LEN_MAX,
    answers::read,
    reading, up,
    wire::{MailboxSettings, Page, Schedule, ScheduleQuestion},
    writing::{line, moment},
    zones,
};
use crate::domain::{
    calendar::{CalendarAccess, Place},
    time::{TimeRange, Timestamp, Zone},
};

/// Longest stretch of one question for a schedule, in minutes: Graph refuses 62 days.
const SCHEDULE_SPAN_MAX: i64 = 60 * 24 * 60;
/// How finely a schedule's overview is drawn, in minutes. Nobody looks at it; so as coarse as Graph allows.
const OVERVIEW_MINUTES: u32 = 1_440;
/// A time to ask about when only the way in, or the zone, is of interest.
const SOME_TIME: TimeRange =
    TimeRange { start: Timestamp(1_767_225_600_000_000), end: Timestamp(1_767_312_000_000_000) };

impl Microsoft {
    /// A mailbox whose calendars we may not see: a room's, for one. Whoever may still know when it is taken is shown its
    /// main calendar, and no more of it than that.
    pub(super) async fn list_taken(
        &self,
        who: &Access,
        mailbox: &str,
        patience: Duration,
    ) -> Result<Vec<Listed>, Error> {
        let schedule = self.schedule(who, Some(mailbox), mailbox, SOME_TIME, patience).await?;
        if !matches!(reading::busy(schedule.as_ref()), Busy::Known(_)) {
            return Err(Error::Forbidden);
        }
        let place = Place {
            mailbox: Some(mailbox.to_owned()),
            calendar: DEFAULT_CALENDAR.to_owned(),
            zone: schedule.as_ref().and_then(working_zone).unwrap_or_else(Zone::utc),
        };
        let name = line(mailbox, NAME_LEN_MAX);
        Ok(vec![Listed { place, name, primary: true, access: CalendarAccess::FreeBusy }])
    }

    /// The zone a mailbox is set up for. Where its settings are not shown to us, its working hours tell; where those do
    /// not either, it is UTC, and all-day events are read with care.
    pub(super) async fn zone(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        owner: Option<&str>,
        patience: Duration,
    ) -> Result<Zone, Error> {
        let at = self.address(mailbox, &["mailboxSettings"], &[]);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Safely, || async {
            read::<MailboxSettings>(self.dressed(Method::GET, who, at.clone(), None)).await
        });
        let settings = if_shown(asked.await)?;
        let named = settings.and_then(|settings| zones::calendar_zone(&settings.time_zone?));
        if let Some(zone) = named {
            return Ok(zone);
        }
        // Personal accounts have no schedules.
        let Some(owner) = owner.filter(|_| !who.personal) else { return Ok(Zone::utc()) };
        let schedule = if_shown(self.schedule(who, mailbox, owner, SOME_TIME, patience).await)?.flatten();
        Ok(schedule.as_ref().and_then(working_zone).unwrap_or_else(Zone::utc))
    }

    /// What takes time in a mailbox's main calendar.
    pub(super) async fn busy_by_schedule(
        &self,
        who: &Access,
        mailbox: &str,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Busy, Error> {
        let mut all = vec![];
        for span in spans(range) {
            let schedule = self.schedule(who, Some(mailbox), mailbox, span, patience).await?;
            match reading::busy(schedule.as_ref()) {
                Busy::Known(taken) => all.extend(taken),
                unknown @ Busy::Unknown(_) => return Ok(unknown),
            }
        }
        Ok(Busy::Known(all))
    }

    /// When `address` is free and when not, as whoever has `mailbox` may know it.
    async fn schedule(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        address: &str,
        span: TimeRange,
        patience: Duration,
    ) -> Result<Option<Schedule>, Error> {
        let question = ScheduleQuestion {
            schedules: [address],
            start_time: moment(span.start),
            end_time: moment(up(span.end)),
            availability_view_interval: OVERVIEW_MINUTES,
        };
        let at = self.address(mailbox, &["calendar", "getSchedule"], &[]);
        let asked = self.manners.ask(who, mailbox, patience, Repeat::Safely, || async {
            let request = self.dressed(Method::POST, who, at.clone(), None).json(&question);
            read::<Page<Schedule>>(request).await
        });
        Ok(asked.await?.value.into_iter().next())
    }
}

/// The zone in which somebody works.
fn working_zone(schedule: &Schedule) -> Option<Zone> {
    zones::calendar_zone(schedule.working_hours.as_ref()?.time_zone.as_ref()?.name.as_deref()?)
}

/// What there is to see, where it is shown to us.
fn if_shown<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Forbidden | Error::NotThere | Error::Refused { .. } | Error::Garbled(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The range in stretches that Graph takes.
fn spans(range: TimeRange) -> Vec<TimeRange> {
    let mut spans = vec![];
    let mut start = range.start;
    while start < range.end {
        let end = start.plus_minutes(SCHEDULE_SPAN_MAX).min(range.end);
        spans.push(TimeRange { start, end });
        start = end;
    }
    spans
}
