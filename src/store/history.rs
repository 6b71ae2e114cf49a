//! What became of each appointment, step by step, and who did it.

use sqlx::FromRow;

use super::{Error, History, on, rows, texts};
use crate::domain::{
    booking::{Appointment, Step},
    id::{AppointmentId, ResourceId},
    time::{TimeRange, Timestamp},
};

texts! {
    ADD = "INSERT INTO appointment_history (tenant_id, appointment_id, ordinal, at, what, who, starts_at, ends_at,
            resource_id, to_count)
        SELECT $1, $2, COALESCE(MAX(ordinal), 0) + 1, $3, $4, $5, $6, $7, $8, $3 FROM appointment_history
        WHERE tenant_id = $1 AND appointment_id = $2";
    OF = "SELECT at, what, who, starts_at, ends_at, resource_id FROM appointment_history
        WHERE tenant_id = $1 AND appointment_id = $2 ORDER BY ordinal";
}

/// A step an appointment took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Step,
    /// Who did it: the id of a call, a person, a program or a calendar, or `system:` and a word.
    pub who: String,
    /// When it takes place, after that.
    pub time: TimeRange,
    /// With whom, after that.
    pub resource: ResourceId,
}

#[derive(FromRow)]
struct StepRow {
    at: i64,
    what: String,
    who: String,
    starts_at: i64,
    ends_at: i64,
    resource_id: String,
}

impl TryFrom<StepRow> for HistoryStep {
    type Error = Error;

    fn try_from(row: StepRow) -> Result<Self, Error> {
        Ok(Self {
            at: Timestamp(row.at),
            what: Step::parse(&row.what).ok_or(Error::Damaged("appointment_history.what"))?,
            who: row.who,
            time: TimeRange { start: Timestamp(row.starts_at), end: Timestamp(row.ends_at) },
            resource: rows::text(&row.resource_id, "appointment_history.resource_id")?,
        })
    }
}

impl History<'_> {
    /// Notes that `appointment`, as it stands after it, took a step. Whoever writes it has the appointment locked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(
        &mut self,
        appointment: &Appointment,
        what: Step,
        who: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(appointment.id.as_str())
            .bind(now.0)
            .bind(what.as_str())
            .bind(who)
            .bind(appointment.time.start.0)
            .bind(appointment.time.end.0)
            .bind(appointment.resource.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The steps of that appointment, first to last.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, appointment: &AppointmentId) -> Result<Vec<HistoryStep>, Error> {
        let rows: Vec<StepRow> = on!(self.tx, db => sqlx::query_as(OF)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(HistoryStep::try_from).collect()
    }
}
