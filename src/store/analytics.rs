//! What calls came to, day by day, kept apart from the calls: sums that outlive them and name nobody.
//!
//! What is added for a call is kept with the call, so that it can be taken off again when more becomes known of it. Which
//! day a call belongs to, and what it cost, is said by whoever counts.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Across, CallFigures, Error, on, rows, texts};
use crate::domain::{
    booking::Step,
    conversation::{Direction, Outcome},
    figures::{Days, Figures, HOURS, WAIT_BUCKETS, Waits},
    id::{AppointmentId, AssistantId, CallId, NumberId, TenantId},
    money::MicroUsd,
};

texts! {
    CALLS_TO_COUNT = "SELECT tenant_id, id FROM calls WHERE to_count IS NOT NULL ORDER BY to_count LIMIT $1";
    STEPS_TO_COUNT = "SELECT tenant_id, appointment_id, ordinal FROM appointment_history WHERE to_count IS NOT NULL
        ORDER BY to_count LIMIT $1";
    TAKE_CALL = "UPDATE calls SET to_count = NULL WHERE tenant_id = $1 AND id = $2 AND to_count IS NOT NULL";
    TAKE_STEP = "UPDATE appointment_history SET to_count = NULL
        WHERE tenant_id = $1 AND appointment_id = $2 AND ordinal = $3 AND to_count IS NOT NULL";
    STEP = "SELECT at, what, who FROM appointment_history WHERE tenant_id = $1 AND appointment_id = $2 AND ordinal = $3";
    FACTS = "SELECT number_id, counted FROM calls WHERE tenant_id = $1 AND id = $2";
    NOTE = "UPDATE calls SET counted = $3 WHERE tenant_id = $1 AND id = $2";
    ADD_CALLS = "INSERT INTO call_figures (tenant_id, day, assistant_id, number_id, direction, country, outcome, calls,
            answered, talk_ms, minutes, engine_micro_usd, telephone_micro_usd, agent_turns, interruptions, transfers_taken,
            transfers_missed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT (tenant_id, day, assistant_id, number_id, direction, country, outcome) DO UPDATE SET
            calls = call_figures.calls + excluded.calls,
            answered = call_figures.answered + excluded.answered,
            talk_ms = call_figures.talk_ms + excluded.talk_ms,
            minutes = call_figures.minutes + excluded.minutes,
            engine_micro_usd = call_figures.engine_micro_usd + excluded.engine_micro_usd,
            telephone_micro_usd = call_figures.telephone_micro_usd + excluded.telephone_micro_usd,
            agent_turns = call_figures.agent_turns + excluded.agent_turns,
            interruptions = call_figures.interruptions + excluded.interruptions,
            transfers_taken = call_figures.transfers_taken + excluded.transfers_taken,
            transfers_missed = call_figures.transfers_missed + excluded.transfers_missed";
    ADD_HOUR = "INSERT INTO hour_figures (tenant_id, day, hour, assistant_id, number_id, direction, calls)
        VALUES ($1, $2, $6, $3, $4, $5, $7)
        ON CONFLICT (tenant_id, day, hour, assistant_id, number_id, direction) DO UPDATE SET
            calls = hour_figures.calls + excluded.calls";
    ADD_WAITS = "INSERT INTO wait_figures (tenant_id, day, bucket, assistant_id, number_id, direction, replies)
        VALUES ($1, $2, $6, $3, $4, $5, $7)
        ON CONFLICT (tenant_id, day, bucket, assistant_id, number_id, direction) DO UPDATE SET
            replies = wait_figures.replies + excluded.replies";
    ADD_STEP = "INSERT INTO step_figures (tenant_id, day, what, assistant_id, number_id, direction, steps)
        VALUES ($1, $2, $3, $4, $5, $6, 1)
        ON CONFLICT (tenant_id, day, what, assistant_id, number_id, direction) DO UPDATE SET
            steps = step_figures.steps + 1";
    BY_DAY = "SELECT day, direction, outcome, CAST(SUM(calls) AS BIGINT), CAST(SUM(answered) AS BIGINT),
            CAST(SUM(talk_ms) AS BIGINT), CAST(SUM(minutes) AS BIGINT), CAST(SUM(engine_micro_usd) AS BIGINT),
            CAST(SUM(telephone_micro_usd) AS BIGINT), CAST(SUM(agent_turns) AS BIGINT), CAST(SUM(interruptions) AS BIGINT),
            CAST(SUM(transfers_taken) AS BIGINT), CAST(SUM(transfers_missed) AS BIGINT)
        FROM call_figures WHERE tenant_id = $1 AND day >= $2 AND day < $3
            AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4) AND (CAST($5 AS TEXT) IS NULL OR number_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR direction = $6)
        GROUP BY day, direction, outcome ORDER BY day, direction, outcome";
    BY_GROUP = "SELECT assistant_id, number_id, country, direction, outcome, CAST(SUM(calls) AS BIGINT),
            CAST(SUM(answered) AS BIGINT), CAST(SUM(talk_ms) AS BIGINT), CAST(SUM(minutes) AS BIGINT),
            CAST(SUM(engine_micro_usd) AS BIGINT), CAST(SUM(telephone_micro_usd) AS BIGINT),
            CAST(SUM(agent_turns) AS BIGINT), CAST(SUM(interruptions) AS BIGINT),
            CAST(SUM(transfers_taken) AS BIGINT), CAST(SUM(transfers_missed) AS BIGINT)
        FROM call_figures WHERE tenant_id = $1 AND day >= $2 AND day < $3
            AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4) AND (CAST($5 AS TEXT) IS NULL OR number_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR direction = $6)
        GROUP BY assistant_id, number_id, country, direction, outcome";
    BY_HOUR = "SELECT hour, CAST(SUM(calls) AS BIGINT) FROM hour_figures
        WHERE tenant_id = $1 AND day >= $2 AND day < $3
            AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4) AND (CAST($5 AS TEXT) IS NULL OR number_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR direction = $6)
        GROUP BY hour ORDER BY hour";
    WAITS_BY_DAY = "SELECT day, bucket, CAST(SUM(replies) AS BIGINT) FROM wait_figures
        WHERE tenant_id = $1 AND day >= $2 AND day < $3
            AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4) AND (CAST($5 AS TEXT) IS NULL OR number_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR direction = $6)
        GROUP BY day, bucket ORDER BY day, bucket";
    STEPS_BY_DAY = "SELECT day, what, CAST(SUM(steps) AS BIGINT) FROM step_figures
        WHERE tenant_id = $1 AND day >= $2 AND day < $3
            AND (CAST($4 AS TEXT) IS NULL OR assistant_id = $4) AND (CAST($5 AS TEXT) IS NULL OR number_id = $5)
            AND (CAST($6 AS TEXT) IS NULL OR direction = $6)
        GROUP BY day, what ORDER BY day, what";
    IN_AIR = "SELECT state, direction, CAST(COUNT(*) AS BIGINT) FROM calls
        WHERE tenant_id = $1 AND rang_at >= $2 AND outcome IS NULL GROUP BY state, direction ORDER BY state, direction";
}

/// What is to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToCount {
    /// A call that ended, or of which more became known.
    Call(TenantId, CallId),
    /// A step an appointment took: which in its order.
    Step(TenantId, AppointmentId, i64),
}

/// What is added for one call; taken off, it has never been added. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// On which day.
    pub day: Date,
    /// In which hour of it.
    pub hour: u8,
    /// With whom.
    pub assistant: AssistantId,
    /// At which number.
    pub number: NumberId,
    /// Who called whom.
    pub direction: Direction,
    /// From where, or where to: two capital letters, or nothing.
    pub country: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was answered.
    pub answered: bool,
    /// How long it lasted after that, in milliseconds.
    pub talk_ms: u64,
    /// Begun minutes of telephone.
    pub minutes: u64,
    /// What engines cost.
    pub engine: MicroUsd,
    /// What the telephone cost.
    pub telephone: MicroUsd,
    /// Turns of the agent that were heard.
    pub agent_turns: u32,
    /// Of those, the ones that were cut off.
    pub interruptions: u32,
    /// How often the caller was passed on to somebody who took the call.
    pub transfers_taken: u32,
    /// How often to nobody who did.
    pub transfers_missed: u32,
    /// How long the caller waited for replies.
    pub waits: Waits,
}

/// [`Counted`] as it stands with its call.
#[derive(Serialize, Deserialize)]
struct CountedKept {
    day: String,
    hour: u8,
    assistant: String,
    number: String,
    direction: String,
    country: String,
    outcome: String,
    answered: bool,
    talk_ms: u64,
    minutes: u64,
    engine: i64,
    telephone: i64,
    agent_turns: u32,
    interruptions: u32,
    /// Nought in what was counted before these were.
    #[serde(default)]
    transfers_taken: u32,
    #[serde(default)]
    transfers_missed: u32,
    waits: Vec<u64>,
}

const COUNTED: &str = "calls.counted";

impl Counted {
    fn to_kept(&self) -> CountedKept {
        CountedKept {
            day: self.day.to_string(),
            hour: self.hour,
            assistant: self.assistant.to_string(),
            number: self.number.to_string(),
            direction: self.direction.as_str().to_owned(),
            country: self.country.clone(),
            outcome: self.outcome.as_str().to_owned(),
            answered: self.answered,
            talk_ms: self.talk_ms,
            minutes: self.minutes,
            engine: self.engine.0,
            telephone: self.telephone.0,
            agent_turns: self.agent_turns,
            interruptions: self.interruptions,
            transfers_taken: self.transfers_taken,
            transfers_missed: self.transfers_missed,
            waits: self.waits.0.to_vec(),
        }
    }

    fn of_kept(kept: &CountedKept) -> Result<Self, Error> {
        let mut waits = Waits::default();
        for (count, replies) in waits.0.iter_mut().zip(&kept.waits) {
            *count = *replies;
        }
        Ok(Self {
            day: rows::text(&kept.day, COUNTED)?,
            hour: kept.hour,
            assistant: rows::text(&kept.assistant, COUNTED)?,
            number: rows::text(&kept.number, COUNTED)?,
            direction: Direction::parse(&kept.direction).ok_or(Error::Damaged(COUNTED))?,
            country: kept.country.clone(),
            outcome: Outcome::parse(&kept.outcome).ok_or(Error::Damaged(COUNTED))?,
            answered: kept.answered,
            talk_ms: kept.talk_ms,
            minutes: kept.minutes,
            engine: MicroUsd(kept.engine),
            telephone: MicroUsd(kept.telephone),
            agent_turns: kept.agent_turns,
            interruptions: kept.interruptions,
            transfers_taken: kept.transfers_taken,
            transfers_missed: kept.transfers_missed,
            waits,
        })
    }
}

/// Which figures are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of which days.
    pub days: Days,
    /// Only of one assistant's calls.
    pub assistant: Option<AssistantId>,
    /// Only of calls at one number.
    pub number: Option<NumberId>,
    /// Only of calls of others, or of ours.
    pub direction: Option<Direction>,
}

/// The calls of one assistant at one number from one country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallGroup {
    /// With whom.
    pub assistant: AssistantId,
    /// At which number.
    pub number: NumberId,
    /// From where, or where to; nothing where that is not known.
    pub country: String,
    /// What was counted of them.
    pub figures: Figures,
}

#[derive(FromRow)]
struct StepRow {
    at: i64,
    what: String,
    who: String,
}

type DayRow = (String, String, String, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);
type GroupRow = (String, String, String, String, String, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

const WHAT: &str = "call_figures";

/// What stands in the columns from `calls` on.
fn figures(direction: &str, outcome: &str, sums: [i64; 10]) -> Result<Figures, Error> {
    let direction = Direction::parse(direction).ok_or(Error::Damaged("call_figures.direction"))?;
    let outcome = Outcome::parse(outcome).ok_or(Error::Damaged("call_figures.outcome"))?;
    let [calls, answered, talk_ms, minutes, engine, telephone, agent_turns, interruptions, taken, missed] =
        sums;
    Ok(Figures {
        talk_ms: rows::whole(talk_ms, WHAT)?,
        minutes: rows::whole(minutes, WHAT)?,
        engine: MicroUsd(engine),
        telephone: MicroUsd(telephone),
        agent_turns: rows::whole(agent_turns, WHAT)?,
        interruptions: rows::whole(interruptions, WHAT)?,
        transfers_taken: rows::whole(taken, WHAT)?,
        transfers_missed: rows::whole(missed, WHAT)?,
        ..Figures::of_calls(direction, outcome, rows::whole(calls, WHAT)?, rows::whole(answered, WHAT)?)
    })
}

impl Across<'_> {
    /// What is to be counted, of whichever tenants, the oldest first, at most `count_max` calls and as many steps.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn to_count(self, count_max: u32) -> Result<Vec<ToCount>, Error> {
        let mut tx = self.store.read_any().await?;
        let calls: Vec<(String, String)> = on!(tx, db => {
            sqlx::query_as(CALLS_TO_COUNT).bind(i64::from(count_max)).fetch_all(db).await?
        });
        let steps: Vec<(String, String, i64)> = on!(tx, db => {
            sqlx::query_as(STEPS_TO_COUNT).bind(i64::from(count_max)).fetch_all(db).await?
        });
        let mut all = Vec::with_capacity(calls.len() + steps.len());
        for (tenant, call) in &calls {
            all.push(ToCount::Call(rows::text(tenant, "calls.tenant_id")?, rows::text(call, "calls.id")?));
        }
        for (tenant, appointment, ordinal) in &steps {
            all.push(ToCount::Step(
                rows::text(tenant, "appointment_history.tenant_id")?,
                rows::text(appointment, "appointment_history.appointment_id")?,
                *ordinal,
            ));
        }
        Ok(all)
    }
}

impl CallFigures<'_> {
    /// Takes a call to count it; whether it is still to be counted. Whoever else would waits until this transaction ends.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take_call(&mut self, call: &CallId) -> Result<bool, Error> {
        let taken = on!(self.tx, db => sqlx::query(TAKE_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await?.rows_affected());
        Ok(taken == 1)
    }

    /// At which number a call was, and what is added for it so far.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn facts(&mut self, call: &CallId) -> Result<Option<(NumberId, Option<Counted>)>, Error> {
        let row: Option<(String, Option<String>)> = on!(self.tx, db => sqlx::query_as(FACTS)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_optional(db).await?);
        let Some((number, counted)) = row else { return Ok(None) };
        let counted: Option<CountedKept> = counted.map(|kept| rows::json(&kept, COUNTED)).transpose()?;
        let counted = counted.as_ref().map(Counted::of_kept).transpose()?;
        Ok(Some((rows::text(&number, "calls.number_id")?, counted)))
    }

    /// Counts a call as `wanted` says in place of what was counted for it `before`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_call(
        &mut self,
        call: &CallId,
        before: Option<&Counted>,
        wanted: Option<&Counted>,
    ) -> Result<(), Error> {
        if before == wanted {
            return Ok(());
        }
        if let Some(before) = before {
            self.add(before, -1).await?;
        }
        if let Some(wanted) = wanted {
            self.add(wanted, 1).await?;
        }
        let kept = wanted.map(|wanted| rows::to_json(&wanted.to_kept(), COUNTED)).transpose()?;
        on!(self.tx, db => sqlx::query(NOTE)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(kept.as_deref())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    async fn add(&mut self, counted: &Counted, sign: i64) -> Result<(), Error> {
        let day = counted.day.to_string();
        on!(self.tx, db => sqlx::query(ADD_CALLS)
            .bind(self.tenant.as_str())
            .bind(day.as_str())
            .bind(counted.assistant.as_str())
            .bind(counted.number.as_str())
            .bind(counted.direction.as_str())
            .bind(counted.country.as_str())
            .bind(counted.outcome.as_str())
            .bind(sign)
            .bind(sign * i64::from(counted.answered))
            .bind(sign * rows::column(counted.talk_ms))
            .bind(sign * rows::column(counted.minutes))
            .bind(sign * counted.engine.0)
            .bind(sign * counted.telephone.0)
            .bind(sign * i64::from(counted.agent_turns))
            .bind(sign * i64::from(counted.interruptions))
            .bind(sign * i64::from(counted.transfers_taken))
            .bind(sign * i64::from(counted.transfers_missed))
            .execute(db).await.map(drop)?);
        self.add_place(ADD_HOUR, counted, i64::from(counted.hour), sign).await?;
        for (bucket, replies) in (0..).zip(counted.waits.0) {
            if replies > 0 {
                self.add_place(ADD_WAITS, counted, bucket, sign * rows::column(replies)).await?;
            }
        }
        Ok(())
    }

    async fn add_place(
        &mut self,
        text: &'static str,
        counted: &Counted,
        place: i64,
        count: i64,
    ) -> Result<(), Error> {
        let day = counted.day.to_string();
        on!(self.tx, db => sqlx::query(text)
            .bind(self.tenant.as_str())
            .bind(day.as_str())
            .bind(counted.assistant.as_str())
            .bind(counted.number.as_str())
            .bind(counted.direction.as_str())
            .bind(place)
            .bind(count)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Takes a step of an appointment's to count it: when it was taken, what it was and who took it, if it is still to be
    /// counted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take_step(
        &mut self,
        appointment: &AppointmentId,
        ordinal: i64,
    ) -> Result<Option<(i64, Step, String)>, Error> {
        let taken = on!(self.tx, db => sqlx::query(TAKE_STEP)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .bind(ordinal)
            .execute(db).await?.rows_affected());
        if taken == 0 {
            return Ok(None);
        }
        let row: Option<StepRow> = on!(self.tx, db => sqlx::query_as(STEP)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .bind(ordinal)
            .fetch_optional(db).await?);
        let Some(row) = row else { return Ok(None) };
        let step = Step::parse(&row.what).ok_or(Error::Damaged("appointment_history.what"))?;
        Ok(Some((row.at, step, row.who)))
    }

    /// Counts a step that an appointment took in a call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_step(
        &mut self,
        day: Date,
        step: Step,
        assistant: &AssistantId,
        number: &NumberId,
        direction: Direction,
    ) -> Result<(), Error> {
        let day = day.to_string();
        on!(self.tx, db => sqlx::query(ADD_STEP)
            .bind(self.tenant.as_str())
            .bind(day.as_str())
            .bind(step.as_str())
            .bind(assistant.as_str())
            .bind(number.as_str())
            .bind(direction.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The figures of each day on which anything was counted, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_day(&mut self, asked: &Asked) -> Result<Vec<(Date, Figures)>, Error> {
        let mut days: std::collections::BTreeMap<Date, Figures> = Default::default();
        let calls: Vec<DayRow> = self.fetch(BY_DAY, asked).await?;
        for (day, direction, outcome, n0, n1, n2, n3, n4, n5, n6, n7, n8, n9) in &calls {
            let one = figures(direction, outcome, [*n0, *n1, *n2, *n3, *n4, *n5, *n6, *n7, *n8, *n9])?;
            days.entry(rows::text(day, "call_figures.day")?).or_default().add(&one);
        }
        let waits: Vec<(String, i64, i64)> = self.fetch(WAITS_BY_DAY, asked).await?;
        for (day, bucket, replies) in &waits {
            let bucket: usize = rows::whole(*bucket, "wait_figures.bucket")?;
            let day = days.entry(rows::text(day, "wait_figures.day")?).or_default();
            let place = day.waits.0.get_mut(bucket.min(WAIT_BUCKETS - 1));
            *place.ok_or(Error::Damaged("wait_figures.bucket"))? +=
                rows::whole::<u64>(*replies, "wait_figures")?;
        }
        let steps: Vec<(String, String, i64)> = self.fetch(STEPS_BY_DAY, asked).await?;
        for (day, what, steps) in &steps {
            let steps: u64 = rows::whole(*steps, "step_figures.steps")?;
            let day = days.entry(rows::text(day, "step_figures.day")?).or_default();
            match Step::parse(what).ok_or(Error::Damaged("step_figures.what"))? {
                Step::Booked => day.booked += steps,
                Step::Moved => day.moved += steps,
                Step::Cancelled => day.cancelled += steps,
                Step::Confirmed | Step::Undone => {}
            }
        }
        Ok(days.into_iter().collect())
    }

    /// The figures of the calls of each assistant at each number from each country. What appointments took and how long
    /// callers waited is not told apart so.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_group(&mut self, asked: &Asked) -> Result<Vec<CallGroup>, Error> {
        let mut groups: std::collections::BTreeMap<(String, String, String), Figures> = Default::default();
        let found: Vec<GroupRow> = self.fetch(BY_GROUP, asked).await?;
        for (assistant, number, country, direction, outcome, n0, n1, n2, n3, n4, n5, n6, n7, n8, n9) in found
        {
            let one = figures(&direction, &outcome, [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9])?;
            groups.entry((assistant, number, country)).or_default().add(&one);
        }
        let groups = groups.into_iter().map(|((assistant, number, country), figures)| {
            Ok(CallGroup {
                assistant: rows::text(&assistant, "call_figures.assistant_id")?,
                number: rows::text(&number, "call_figures.number_id")?,
                country,
                figures,
            })
        });
        groups.collect()
    }

    /// How many calls there were in each hour of the day.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_hour(&mut self, asked: &Asked) -> Result<[u64; HOURS], Error> {
        let found: Vec<(i64, i64)> = self.fetch(BY_HOUR, asked).await?;
        let mut hours = [0; HOURS];
        for (hour, calls) in found {
            let hour: usize = rows::whole(hour, "hour_figures.hour")?;
            *hours.get_mut(hour).ok_or(Error::Damaged("hour_figures.hour"))? =
                rows::whole(calls, "hour_figures.calls")?;
        }
        Ok(hours)
    }

    /// How many calls that rang at `since` or later are not over, by where they stand and who called whom.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn in_air(&mut self, since: i64) -> Result<Vec<(String, Direction, u64)>, Error> {
        let found: Vec<(String, String, i64)> = on!(self.tx, db => sqlx::query_as(IN_AIR)
            .bind(self.tenant.as_str())
            .bind(since)
            .fetch_all(db).await?);
        let found = found.into_iter().map(|(state, direction, calls)| {
            let direction = Direction::parse(&direction).ok_or(Error::Damaged("calls.direction"))?;
            Ok((state, direction, rows::whole(calls, "calls")?))
        });
        found.collect()
    }

    async fn fetch<R>(&mut self, text: &'static str, asked: &Asked) -> Result<Vec<R>, Error>
    where
        R: Send + Unpin,
        R: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> FromRow<'r, sqlx::postgres::PgRow>,
    {
        let (from, until) = (asked.days.from.to_string(), asked.days.until.to_string());
        Ok(on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(from.as_str())
            .bind(until.as_str())
            .bind(asked.assistant.as_ref().map(AssistantId::as_str))
            .bind(asked.number.as_ref().map(NumberId::as_str))
            .bind(asked.direction.map(Direction::as_str))
            .fetch_all(db).await?))
    }
}
