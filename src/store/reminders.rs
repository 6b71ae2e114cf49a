//! What a tenant's people are reminded of, and which appointments are due to be.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{Error, Reminders, on, rows, texts};
use crate::domain::{
    id::{AppointmentId, ContactId, ServiceId},
    outgoing::{Kind, ReminderRule},
    phone::E164,
    time::Timestamp,
};

const MINUTE: i64 = 60_000_000;

macro_rules! columns {
    () => {
        "service_id, lead_min, channel, attempts_max, sms_after, wording, planned_until"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM reminder_rules WHERE tenant_id = $1 ORDER BY service_id, lead_min");
    OF_SERVICE = concat!("SELECT ", columns!(), " FROM reminder_rules WHERE tenant_id = $1 AND service_id = $2
        ORDER BY lead_min");
    PUT = concat!("INSERT INTO reminder_rules (tenant_id, since, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, service_id, lead_min) DO UPDATE SET channel = excluded.channel,
            attempts_max = excluded.attempts_max, sms_after = excluded.sms_after, wording = excluded.wording");
    REMOVE = "DELETE FROM reminder_rules WHERE tenant_id = $1 AND service_id = $2 AND lead_min = $3";
    PLANNED = "UPDATE reminder_rules SET planned_until = $4 WHERE tenant_id = $1 AND service_id = $2 AND lead_min = $3";
    /// Whoever booked or moved when the time to be reminded had passed already knows.
    DUE = "SELECT a.id, a.starts_at, a.contact_id, c.number
        FROM appointments a JOIN contacts c ON c.tenant_id = a.tenant_id AND c.id = a.contact_id
        WHERE a.tenant_id = $1 AND a.service_id = $2 AND a.status = 'confirmed' AND a.part_of IS NULL
            AND a.starts_at > $3 AND a.starts_at <= $4 AND c.number IS NOT NULL
            AND a.created_at <= a.starts_at - $5
            AND NOT EXISTS (SELECT 1 FROM calls t WHERE t.tenant_id = a.tenant_id AND t.id = a.call_id
                AND t.test AND t.kept_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM appointment_history h WHERE h.tenant_id = a.tenant_id
                AND h.appointment_id = a.id AND h.what IN ('booked', 'moved') AND h.at > a.starts_at - $5)
            AND NOT EXISTS (SELECT 1 FROM outgoing_calls o WHERE o.tenant_id = a.tenant_id
                AND o.appointment_id = a.id AND o.kind = $6 AND o.for_start = a.starts_at)
        ORDER BY a.starts_at, a.id LIMIT $7";
}

#[derive(FromRow)]
struct RuleRow {
    service_id: String,
    lead_min: i64,
    channel: String,
    attempts_max: i64,
    sms_after: bool,
    wording: String,
    planned_until: i64,
}

impl RuleRow {
    fn rule(self) -> Result<(ReminderRule, Timestamp), Error> {
        let wording: BTreeMap<String, String> = rows::json(&self.wording, "reminder_rules.wording")?;
        let wording = wording
            .into_iter()
            .map(|(language, words)| Ok((rows::text(&language, "reminder_rules.wording")?, words)))
            .collect::<Result<_, Error>>()?;
        let rule = ReminderRule {
            service: rows::text(&self.service_id, "reminder_rules.service_id")?,
            lead_min: rows::whole(self.lead_min, "reminder_rules.lead_min")?,
            channel: rows::text(&self.channel, "reminder_rules.channel")?,
            attempts_max: rows::whole(self.attempts_max, "reminder_rules.attempts_max")?,
            sms_after: self.sms_after,
            wording,
        };
        Ok((rule, Timestamp(self.planned_until)))
    }
}

/// An appointment of which somebody is to be reminded. It carries a number, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub struct Remindable {
    /// The appointment.
    pub appointment: AppointmentId,
    /// When it begins.
    pub start: Timestamp,
    /// Whose it is.
    pub contact: ContactId,
    /// Their number.
    pub number: E164,
}

impl Reminders<'_> {
    /// Every rule, and how far each has been looked at.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<(ReminderRule, Timestamp)>, Error> {
        let rows: Vec<RuleRow> =
            on!(self.tx, db => sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?);
        rows.into_iter().map(RuleRow::rule).collect()
    }

    /// The rules of a service, the shortest lead first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_service(&mut self, service: &ServiceId) -> Result<Vec<ReminderRule>, Error> {
        let rows: Vec<RuleRow> = on!(self.tx, db => sqlx::query_as(OF_SERVICE)
            .bind(self.tenant.as_str())
            .bind(service.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(|row| row.rule().map(|(rule, _)| rule)).collect()
    }

    /// Makes these the rules of a service. One that stays keeps how far it has been looked at; one that is new begins at
    /// `now`.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such service.
    pub async fn set(
        &mut self,
        service: &ServiceId,
        wanted: &[ReminderRule],
        now: Timestamp,
    ) -> Result<(), Error> {
        for kept in self.of_service(service).await? {
            if wanted.iter().all(|rule| rule.lead_min != kept.lead_min) {
                on!(self.tx, db => sqlx::query(REMOVE)
                    .bind(self.tenant.as_str())
                    .bind(service.as_str())
                    .bind(i64::from(kept.lead_min))
                    .execute(db).await.map(drop)?);
            }
        }
        for rule in wanted {
            let wording: BTreeMap<&str, &str> =
                rule.wording.iter().map(|(language, words)| (language.code(), words.as_str())).collect();
            let wording = rows::to_json(&wording, "reminder_rules.wording")?;
            on!(self.tx, db => sqlx::query(PUT)
                .bind(self.tenant.as_str())
                .bind(now.0)
                .bind(service.as_str())
                .bind(i64::from(rule.lead_min))
                .bind(rule.channel.as_str())
                .bind(i64::from(rule.attempts_max))
                .bind(rule.sms_after)
                .bind(wording.as_str())
                .bind(now.0)
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }

    /// A rule has been looked at so far.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn planned(&mut self, rule: &ReminderRule, until: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PLANNED)
            .bind(self.tenant.as_str())
            .bind(rule.service.as_str())
            .bind(i64::from(rule.lead_min))
            .bind(until.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The appointments of which a rule has somebody reminded, due after `since` and by `now`, that nothing was planned
    /// for; at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn due(
        &mut self,
        rule: &ReminderRule,
        since: Timestamp,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<Remindable>, Error> {
        let lead = i64::from(rule.lead_min);
        let rows: Vec<(String, i64, String, String)> = on!(self.tx, db => sqlx::query_as(DUE)
            .bind(self.tenant.as_str())
            .bind(rule.service.as_str())
            .bind(since.plus_minutes(lead).0)
            .bind(now.plus_minutes(lead).0)
            .bind(lead * MINUTE)
            .bind(Kind::Reminder { lead_min: rule.lead_min }.to_string())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(id, start, contact, number)| {
                Ok(Remindable {
                    appointment: rows::text(&id, "appointments.id")?,
                    start: Timestamp(start),
                    contact: rows::text(&contact, "appointments.contact_id")?,
                    number: rows::text(&number, "contacts.number")?,
                })
            })
            .collect()
    }
}
