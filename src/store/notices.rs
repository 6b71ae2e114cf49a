//! What needs somebody, as it follows from what is stored, and how members want to be told of it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sqlx::FromRow;

use super::{Across, Error, Notices, Notifications, on, rows, texts};
use crate::domain::{
    id::{CalendarId, ConnectionId, TenantId, UserId, WebhookId},
    notices::{Choice, EventKind, Preferences},
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

texts! {
    PENDING = "SELECT c.connection_id, COUNT(*) FROM appointments a
        JOIN resource_calendars r ON r.tenant_id = a.tenant_id AND r.resource_id = a.resource_id AND r.target
        JOIN calendars c ON c.tenant_id = r.tenant_id AND c.id = r.calendar_id
        WHERE a.tenant_id = $1 AND a.pending AND a.status = 'confirmed' GROUP BY c.connection_id";
    GONE = "SELECT DISTINCT c.id, c.name, c.synced_at FROM calendars c
        JOIN resource_calendars r ON r.tenant_id = c.tenant_id AND r.calendar_id = c.id
        WHERE c.tenant_id = $1 AND NOT c.there LIMIT 50";
    MESSAGES = "SELECT COUNT(*), MIN(left_at) FROM messages WHERE tenant_id = $1 AND handled_at IS NULL AND left_at > $2";
    URGENT_MESSAGES = "SELECT COUNT(*), MIN(left_at) FROM messages
        WHERE tenant_id = $1 AND handled_at IS NULL AND left_at > $2 AND urgent";
    CLASHES = "SELECT COUNT(*), MIN(found_at) FROM clashes WHERE tenant_id = $1 AND settled_at IS NULL AND found_at > $2";
    REFUSED = "SELECT COUNT(*), MAX(rang_at) FROM calls WHERE tenant_id = $1 AND outcome = 'refused' AND rang_at > $2";
    /// Appointments still to come of which no attempt to remind has got through and none is left. $2 is when they ended at the
    /// earliest, $3 when they were planned at the earliest, $4 the present.
    REMINDERS = "SELECT COUNT(DISTINCT o.appointment_id), MIN(o.ended_at) FROM outgoing_calls o
        WHERE o.tenant_id = $1 AND o.created_at > $3 AND o.ended_at > $2 AND o.for_start > $4 AND o.kind LIKE 'reminder/%'
            AND o.why IN ('busy', 'no_answer', 'failed', 'unknown', 'declined', 'number', 'country')
            AND NOT EXISTS (SELECT 1 FROM outgoing_calls p
                WHERE p.tenant_id = o.tenant_id AND p.appointment_id = o.appointment_id AND p.for_start = o.for_start
                    AND p.kind = o.kind AND p.for_start IS NOT NULL
                    AND (p.state IN ('waiting', 'dialling', 'placed') OR p.why IN ('answered', 'machine', 'sent')))";
    DEAD = "SELECT w.id, w.description, COUNT(*), MIN(d.ended_at) FROM webhooks w
        JOIN webhook_deliveries d ON d.tenant_id = w.tenant_id AND d.webhook_id = w.id AND d.state = 'dead'
        WHERE w.tenant_id = $1 AND d.ended_at > $2 GROUP BY w.id, w.description ORDER BY w.id";
    CUT_OFF = "SELECT COUNT(*) FROM calendar_connections WHERE tenant_id = $1 AND state = 'reconnect' AND since > $2";
    /// Given back in a call, a day or less before it would have begun ($3, in microseconds).
    CANCELLED = "SELECT COUNT(*) FROM appointment_history WHERE tenant_id = $1 AND what = 'cancelled' AND at > $2
        AND who LIKE 'call%' AND starts_at > at AND starts_at - at <= $3";
    PREFERENCES = "SELECT choices, quiet_from_min, quiet_until_min, daily_min, told, daily_day, sms_number, revision
        FROM member_notifications WHERE tenant_id = $1 AND user_id = $2";
    PUT = "INSERT INTO member_notifications (tenant_id, user_id, choices, quiet_from_min, quiet_until_min, daily_min, look_at,
            daily_day, sms_number)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET choices = excluded.choices,
            quiet_from_min = excluded.quiet_from_min, quiet_until_min = excluded.quiet_until_min,
            daily_min = excluded.daily_min, look_at = excluded.look_at, sms_number = excluded.sms_number,
            revision = member_notifications.revision + 1";
    SMS_AT = "SELECT COUNT(*) FROM member_notifications WHERE tenant_id = $1 AND sms_number = $2";
    DUE = "SELECT tenant_id, user_id, look_at FROM member_notifications WHERE look_at <= $1 ORDER BY look_at LIMIT $2";
    TAKE = "UPDATE member_notifications SET look_at = $4 WHERE tenant_id = $1 AND user_id = $2 AND look_at = $3";
    NOTE = "UPDATE member_notifications SET look_at = $3, told = $4, daily_day = $5 WHERE tenant_id = $1 AND user_id = $2";
}

/// How a member wants to be told, and what she was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How she wants it.
    pub preferences: Preferences,
    /// Up to when she was told at once of what.
    pub told: BTreeMap<EventKind, Timestamp>,
    /// The day of the last daily mail.
    pub daily_day: Option<Date>,
}

/// A member it is time to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMember {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which person.
    pub user: UserId,
    /// Since when.
    pub look_at: i64,
}

/// How many there are, and since or up to when.
pub type Counted = (u64, Option<Timestamp>);

#[derive(FromRow)]
struct PreferencesRow {
    choices: String,
    quiet_from_min: Option<i64>,
    quiet_until_min: Option<i64>,
    daily_min: i64,
    told: String,
    daily_day: String,
    sms_number: Option<String>,
    revision: i64,
}

impl TryFrom<PreferencesRow> for Revised<Kept> {
    type Error = Error;

    fn try_from(row: PreferencesRow) -> Result<Self, Error> {
        const WHAT: &str = "member_notifications";
        let choices: BTreeMap<String, String> = rows::json(&row.choices, WHAT)?;
        let told: BTreeMap<String, i64> = rows::json(&row.told, WHAT)?;
        // A kind that is not known any more is of no use to anybody.
        let choices = choices.iter().filter_map(|(kind, choice)| {
            Some((kind.parse::<EventKind>().ok()?, choice.parse::<Choice>().ok()?))
        });
        let told = told.iter().filter_map(|(kind, at)| Some((kind.parse().ok()?, Timestamp(*at))));
        let quiet = match (row.quiet_from_min, row.quiet_until_min) {
            (Some(from), Some(until)) => Some((rows::whole(from, WHAT)?, rows::whole(until, WHAT)?)),
            _ => None,
        };
        let preferences = Preferences {
            choices: choices.collect(),
            quiet,
            daily_min: rows::whole(row.daily_min, WHAT)?,
            sms: rows::maybe(row.sms_number.as_deref(), WHAT)?,
        };
        let day = Some(row.daily_day.as_str()).filter(|day| !day.is_empty());
        let item = Kept { preferences, told: told.collect(), daily_day: rows::maybe(day, WHAT)? };
        Ok(Self { item, revision: Revision(row.revision) })
    }
}

impl Notices<'_> {
    /// How many appointments wait to be written into the calendars of each connection.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn pending(&mut self) -> Result<BTreeMap<ConnectionId, u64>, Error> {
        let found: Vec<(String, i64)> = on!(self.tx, db => {
            sqlx::query_as(PENDING).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        let found = found.iter().map(|(connection, count)| {
            Ok((rows::text(connection, "calendars.connection_id")?, rows::whole(*count, "appointments")?))
        });
        found.collect()
    }

    /// Calendars that are used and not there any more: what they are called, and when they were last seen.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn gone_calendars(&mut self) -> Result<Vec<(CalendarId, String, Timestamp)>, Error> {
        let found: Vec<(String, String, i64)> = on!(self.tx, db => {
            sqlx::query_as(GONE).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        let found = found
            .into_iter()
            .map(|(id, name, synced)| Ok((rows::text(&id, "calendars.id")?, name, Timestamp(synced))));
        found.collect()
    }

    /// Messages left after `since` that nobody has looked after.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn messages(&mut self, since: Timestamp) -> Result<Counted, Error> {
        self.counted(MESSAGES, since).await
    }

    /// Those of them that are urgent.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn urgent_messages(&mut self, since: Timestamp) -> Result<Counted, Error> {
        self.counted(URGENT_MESSAGES, since).await
    }

    /// Clashes found after `since` that are not over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn clashes(&mut self, since: Timestamp) -> Result<Counted, Error> {
        self.counted(CLASHES, since).await
    }

    /// Calls refused after `since`, and when the last was.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn refused(&mut self, since: Timestamp) -> Result<Counted, Error> {
        self.counted(REFUSED, since).await
    }

    async fn counted(&mut self, text: &'static str, since: Timestamp) -> Result<Counted, Error> {
        let (count, at): (i64, Option<i64>) = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .fetch_one(db).await?);
        Ok((rows::whole(count, "notices")?, at.map(Timestamp)))
    }

    /// Appointments after `now` of which nobody could be reminded, as it turned out after `since`; attempts planned after
    /// `planned` are looked at.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn reminders_failed(
        &mut self,
        since: Timestamp,
        planned: Timestamp,
        now: Timestamp,
    ) -> Result<Counted, Error> {
        let (count, at): (i64, Option<i64>) = on!(self.tx, db => sqlx::query_as(REMINDERS)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .bind(planned.0)
            .bind(now.0)
            .fetch_one(db).await?);
        Ok((rows::whole(count, "notices")?, at.map(Timestamp)))
    }

    /// Webhooks with deliveries that were given up after `since`: what they are called, how many, since when.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn dead(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(WebhookId, String, u64, Option<Timestamp>)>, Error> {
        let found: Vec<(String, String, i64, Option<i64>)> = on!(self.tx, db => sqlx::query_as(DEAD)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .fetch_all(db).await?);
        let found = found.into_iter().map(|(id, name, count, at)| {
            Ok((rows::text(&id, "webhooks.id")?, name, rows::whole(count, "webhooks")?, at.map(Timestamp)))
        });
        found.collect()
    }

    /// Connections that were cut off after `since`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn cut_off(&mut self, since: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(CUT_OFF)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .fetch_one(db).await?);
        rows::whole(count, "notices")
    }

    /// Appointments that callers have given back after `since`, so many minutes or less before they would have begun.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn cancelled(&mut self, since: Timestamp, minutes: i64) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(CANCELLED)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .bind(minutes.saturating_mul(60_000_000))
            .fetch_one(db).await?);
        rows::whole(count, "notices")
    }
}

impl Across<'_> {
    /// Members it is time to look at, of whichever tenants, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn members_to_tell(self, now: Timestamp, count_max: u32) -> Result<Vec<DueMember>, Error> {
        let mut tx = self.store.read_any().await?;
        let found: Vec<(String, String, i64)> = on!(tx, db => sqlx::query_as(DUE)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        let found = found.into_iter().map(|(tenant, user, look_at)| {
            Ok(DueMember {
                tenant: rows::text(&tenant, "member_notifications.tenant_id")?,
                user: rows::text(&user, "member_notifications.user_id")?,
                look_at,
            })
        });
        found.collect()
    }
}

impl Notifications<'_> {
    /// How a member wants to be told; revision 0 when she has never said so.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, user: &UserId) -> Result<Revised<Kept>, Error> {
        let row: Option<PreferencesRow> = on!(self.tx, db => sqlx::query_as(PREFERENCES)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .fetch_optional(db).await?);
        row.map_or_else(
            || Ok(Revised { item: Kept::default(), revision: Revision(0) }),
            Revised::<Kept>::try_from,
        )
    }

    /// Keeps how a member wants to be told, when it is next looked, and for whom has never said anything, the day up to which
    /// daily mails are taken to have gone.
    ///
    /// # Errors
    /// [`Error::Dangling`] when she works here no more.
    pub async fn put(
        &mut self,
        user: &UserId,
        wanted: &Preferences,
        look_at: Option<Timestamp>,
        day: Option<Date>,
    ) -> Result<(), Error> {
        let choices: BTreeMap<&str, &str> =
            wanted.choices.iter().map(|(kind, choice)| (kind.as_str(), choice.as_str())).collect();
        let choices = rows::to_json(&choices, "member_notifications.choices")?;
        let day = day.map(|day| day.to_string()).unwrap_or_default();
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .bind(choices.as_str())
            .bind(wanted.quiet.map(|(from, _)| i64::from(from)))
            .bind(wanted.quiet.map(|(_, until)| i64::from(until)))
            .bind(i64::from(wanted.daily_min))
            .bind(look_at.map(|at| at.0))
            .bind(day.as_str())
            .bind(wanted.sms.as_ref().map(E164::as_str))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether somebody who works here wants text messages at that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn texts_go_to(&mut self, number: &E164) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(SMS_AT)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .fetch_one(db).await?);
        Ok(count > 0)
    }

    /// Takes a member to tell her; whether nobody else does. She is looked at again at `until`, whatever comes of it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take(&mut self, due: &DueMember, until: Timestamp) -> Result<bool, Error> {
        let taken = on!(self.tx, db => sqlx::query(TAKE)
            .bind(self.tenant.as_str())
            .bind(due.user.as_str())
            .bind(due.look_at)
            .bind(until.0)
            .execute(db).await?.rows_affected());
        Ok(taken == 1)
    }

    /// Notes what a member was told, and when it is next looked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn note(
        &mut self,
        user: &UserId,
        kept: &Kept,
        look_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let told: BTreeMap<&str, i64> = kept.told.iter().map(|(kind, at)| (kind.as_str(), at.0)).collect();
        let told = rows::to_json(&told, "member_notifications.told")?;
        let day = kept.daily_day.map(|day| day.to_string()).unwrap_or_default();
        on!(self.tx, db => sqlx::query(NOTE)
            .bind(self.tenant.as_str())
            .bind(user.as_str())
            .bind(look_at.map(|at| at.0))
            .bind(told.as_str())
            .bind(day.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
