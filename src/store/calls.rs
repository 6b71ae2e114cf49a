//! A tenant's calls: where they stand, how they ended, what was said.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    Calls, Error, on,
    page::{self, Page, Place},
    remarks, rows, texts,
};
use crate::domain::{
    conversation::{CallRecord, CallSid, CallState, Direction, Outcome, Speaker, TestCall, Turn},
    figures::Waits,
    id::{AssistantId, CallId, NumberId},
    money::MicroUsd,
    phone::E164,
    quality::Measures,
    remarks::Tag,
    revision::Revision,
    time::{CallTime, Timestamp},
};

macro_rules! columns {
    () => {
        "id, sid, assistant_id, assistant_version, from_number, to_number, attested, state, outcome, rang_at, answered_at, \
         ended_at, cost_micro_usd, recording, direction, test, kept_at, assistant_draft, tags, passed_on"
    };
}

/// What is looked at row by row.
macro_rules! fits {
    () => {
        " AND (CAST($5 AS TEXT) IS NULL OR state = $5) AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
        AND (CAST($8 AS BOOLEAN) IS NULL OR passed_on = $8)
        AND (CAST($9 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM call_tags t
            WHERE t.tenant_id = $1 AND t.call_id = calls.id AND t.tag = $9))"
    };
}

/// A page of calls behind a place, the latest first. The plus sign keeps the embedded database from reading everybody's calls in
/// their order in place of the few of one caller.
macro_rules! older {
    ($of:literal) => {
        older!($of, "rang_at")
    };
    ($of:literal, $rang:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM calls WHERE tenant_id = $1",
            $of,
            " AND (",
            $rang,
            ", id) < ($2, $3) AND ",
            $rang,
            " >= $4",
            fits!(),
            " ORDER BY rang_at DESC, id DESC LIMIT $7"
        )
    };
}

/// The same the other way: those before a place, the nearest first.
macro_rules! newer {
    ($of:literal) => {
        newer!($of, "rang_at")
    };
    ($of:literal, $rang:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM calls WHERE tenant_id = $1",
            $of,
            " AND (",
            $rang,
            ", id) > ($2, $3) AND ",
            $rang,
            " < $4",
            fits!(),
            " ORDER BY rang_at, id LIMIT $7"
        )
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM calls WHERE tenant_id = $1 AND id = $2");
    BY_SID = concat!("SELECT ", columns!(), " FROM calls WHERE tenant_id = $1 AND sid = $2");
    LATEST = concat!("SELECT ", columns!(), " FROM calls WHERE tenant_id = $1 ORDER BY rang_at DESC, id LIMIT $2");
    /// Each begins at its own index.
    PAGE = older!("");
    PAGE_OF_ASSISTANT = older!(" AND assistant_id = $10");
    PAGE_OF_NUMBER = older!(" AND number_id = $10");
    PAGE_OF_CALLER = older!(" AND from_number = $10", "+rang_at");
    PAGE_OF_TAG = concat!("SELECT ", columns!(), " FROM call_tags g
        JOIN calls ON calls.tenant_id = g.tenant_id AND calls.id = g.call_id
        WHERE g.tenant_id = $1 AND g.tag = $10 AND (g.at, g.call_id) < ($2, $3) AND g.at >= $4", fits!(), "
        ORDER BY g.at DESC, g.call_id DESC LIMIT $7");
    PAGE_BEFORE = newer!("");
    PAGE_BEFORE_OF_ASSISTANT = newer!(" AND assistant_id = $10");
    PAGE_BEFORE_OF_NUMBER = newer!(" AND number_id = $10");
    PAGE_BEFORE_OF_CALLER = newer!(" AND from_number = $10", "+rang_at");
    PAGE_BEFORE_OF_TAG = concat!("SELECT ", columns!(), " FROM call_tags g
        JOIN calls ON calls.tenant_id = g.tenant_id AND calls.id = g.call_id
        WHERE g.tenant_id = $1 AND g.tag = $10 AND (g.at, g.call_id) > ($2, $3) AND g.at < $4", fits!(), "
        ORDER BY g.at, g.call_id LIMIT $7");
    CONSENT = "SELECT consent_at, consent_wording FROM calls WHERE tenant_id = $1 AND id = $2";
    RING = "INSERT INTO calls (tenant_id, id, sid, account_sid, number_id, assistant_id, from_number, to_number,
            attested, state, state_rank, rang_at, direction, assistant_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            (SELECT revision FROM assistants WHERE tenant_id = $1 AND id = $6))
        ON CONFLICT (sid) DO NOTHING";
    ADVANCE = "UPDATE calls SET state = $3, state_rank = $4 WHERE tenant_id = $1 AND id = $2 AND state_rank < $4";
    ANSWERED = "UPDATE calls SET answered_at = $3 WHERE tenant_id = $1 AND id = $2 AND answered_at IS NULL";
    ENDED = "UPDATE calls SET ended_at = $3 WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL";
    FINISH = "UPDATE calls SET outcome = $3, ended_at = $4, to_count = $4,
            cost_micro_usd = cost_micro_usd + CASE WHEN streams_kept < CAST($9 AS BIGINT) THEN $5 ELSE 0 END,
            recording = COALESCE($6, recording), consent_at = COALESCE($7, consent_at),
            consent_wording = COALESCE($8, consent_wording), streams_kept = COALESCE(CAST($9 AS BIGINT), streams_kept)
        WHERE tenant_id = $1 AND id = $2";
    /// One of the call's streams is over, and the call is not.
    PART = "UPDATE calls SET cost_micro_usd = cost_micro_usd + CASE WHEN streams_kept < $7 THEN $3 ELSE 0 END,
            recording = COALESCE($4, recording),
            consent_at = COALESCE($5, consent_at), consent_wording = COALESCE($6, consent_wording), streams_kept = $7
        WHERE tenant_id = $1 AND id = $2";
    STREAMS_KEPT = "SELECT streams_kept FROM calls WHERE tenant_id = $1 AND id = $2";
    LAST_ORDINAL = "SELECT MAX(ordinal) FROM turns WHERE tenant_id = $1 AND call_id = $2";
    CLOSE_LOST = "UPDATE calls SET outcome = 'lost', ended_at = COALESCE(ended_at, $3), to_count = $3,
            state = CASE WHEN state_rank >= 2 THEN state WHEN answered_at IS NULL THEN 'failed' ELSE 'completed' END,
            state_rank = 2
        WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL";
    SET_MEASURES = "UPDATE calls SET measures = $3, to_count = COALESCE(ended_at, rang_at) WHERE tenant_id = $1 AND id = $2";
    MEASURES = "SELECT measures FROM calls WHERE tenant_id = $1 AND id = $2";
    RECORDING = "UPDATE calls SET recording = $3 WHERE tenant_id = $1 AND id = $2";
    PUT_TURN = "INSERT INTO turns (tenant_id, call_id, ordinal, speaker, began_ms, ended_ms, text, heard_text,
            generated_ms, heard_ms, interrupted, first_audio_ms, confidence)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (tenant_id, call_id, ordinal) DO NOTHING";
    TURNS = "SELECT ordinal, speaker, began_ms, ended_ms, text, heard_text, generated_ms, heard_ms, interrupted,
            first_audio_ms, confidence FROM turns WHERE tenant_id = $1 AND call_id = $2 ORDER BY ordinal";
}

#[derive(FromRow)]
struct CallRow {
    id: String,
    sid: String,
    assistant_id: String,
    assistant_version: Option<i64>,
    from_number: Option<String>,
    to_number: String,
    attested: bool,
    state: String,
    outcome: Option<String>,
    rang_at: i64,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    cost_micro_usd: i64,
    recording: Option<String>,
    direction: String,
    test: bool,
    kept_at: Option<i64>,
    assistant_draft: Option<i64>,
    tags: String,
    passed_on: Option<bool>,
}

impl TryFrom<CallRow> for CallRecord {
    type Error = Error;

    fn try_from(row: CallRow) -> Result<Self, Error> {
        let outcome = row.outcome.as_deref();
        Ok(Self {
            id: rows::text(&row.id, "calls.id")?,
            sid: rows::text(&row.sid, "calls.sid")?,
            direction: Direction::parse(&row.direction).ok_or(Error::Damaged("calls.direction"))?,
            assistant: rows::text(&row.assistant_id, "calls.assistant_id")?,
            assistant_version: row.assistant_version.map(Revision),
            from: rows::maybe(row.from_number.as_deref(), "calls.from_number")?,
            to: rows::text(&row.to_number, "calls.to_number")?,
            attested: row.attested,
            state: CallState::parse(&row.state).ok_or(Error::Damaged("calls.state"))?,
            outcome: outcome
                .map(|word| Outcome::parse(word).ok_or(Error::Damaged("calls.outcome")))
                .transpose()?,
            rang: Timestamp(row.rang_at),
            answered: row.answered_at.map(Timestamp),
            ended: row.ended_at.map(Timestamp),
            cost: MicroUsd(row.cost_micro_usd),
            recording: row.recording,
            tags: remarks::tags(&row.tags)?,
            passed_on: row.passed_on,
            test: row.test.then_some(TestCall {
                draft: row.assistant_draft.map(Revision),
                kept: row.kept_at.map(Timestamp),
            }),
        })
    }
}

#[derive(FromRow)]
struct TurnRow {
    ordinal: i64,
    speaker: String,
    began_ms: i64,
    ended_ms: i64,
    text: String,
    heard_text: String,
    generated_ms: i64,
    heard_ms: i64,
    interrupted: bool,
    first_audio_ms: Option<i64>,
    confidence: Option<f64>,
}

impl TryFrom<TurnRow> for Turn {
    type Error = Error;

    fn try_from(row: TurnRow) -> Result<Self, Error> {
        Ok(Self {
            ordinal: rows::whole(row.ordinal, "turns.ordinal")?,
            speaker: Speaker::parse(&row.speaker).ok_or(Error::Damaged("turns.speaker"))?,
            began: CallTime(rows::whole(row.began_ms, "turns.began_ms")?),
            ended: CallTime(rows::whole(row.ended_ms, "turns.ended_ms")?),
            text: row.text,
            heard_text: row.heard_text,
            generated_ms: rows::whole(row.generated_ms, "turns.generated_ms")?,
            heard_ms: rows::whole(row.heard_ms, "turns.heard_ms")?,
            interrupted: row.interrupted,
            first_audio_ms: row
                .first_audio_ms
                .map(|ms| rows::whole(ms, "turns.first_audio_ms"))
                .transpose()?,
            confidence: row.confidence,
        })
    }
}

/// Figures as they are kept; what was added later is nought in older ones.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MeasuresKept {
    replies: u32,
    latency_ms: u64,
    latency_p95_ms: u64,
    agent_turns: u32,
    interruptions: u32,
    cuts: u32,
    silence_ms: u64,
    repeats: u32,
    waits: Vec<u64>,
}

/// A call that rings. It carries numbers, so it has no `Debug`.
#[derive(Clone)]
pub struct NewCall {
    /// The id it gets, unless its SID is known already.
    pub id: CallId,
    /// Twilio's name for it.
    pub sid: CallSid,
    /// The Twilio account it came from.
    pub account_sid: String,
    /// Which of the tenant's numbers it rings at.
    pub number: NumberId,
    /// Who answers.
    pub assistant: AssistantId,
    /// Who calls, when the network says so.
    pub from: Option<E164>,
    /// The number that was called.
    pub to: E164,
    /// Whether the network vouches for the calling number.
    pub attested: bool,
    /// Who calls whom.
    pub direction: Direction,
}

/// Which calls are wanted.
#[derive(Clone, Default, PartialEq)]
pub struct CallFilter {
    /// Of one assistant, at one number, or from one caller.
    pub of: Option<CallsOf>,
    /// Only those that rang at this instant or later.
    pub from: Option<Timestamp>,
    /// Only those that rang before this instant.
    pub until: Option<Timestamp>,
    /// Only those that stand so.
    pub state: Option<CallState>,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
    /// Only those that were passed on to somebody who took them, or to nobody who did.
    pub passed_on: Option<bool>,
    /// Only those that carry this.
    pub tag: Option<Tag>,
}

/// Whose calls.
#[derive(Clone, PartialEq)]
pub enum CallsOf {
    /// This assistant's.
    Assistant(AssistantId),
    /// Those that rang at this number.
    Number(NumberId),
    /// Those from this number.
    Caller(E164),
}

/// The caller's yes to being recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// When it was given.
    pub at: Timestamp,
    /// What had been asked.
    pub wording: String,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// In one word.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// What the engine cost.
    pub cost: MicroUsd,
    /// The recording's blob, if there is one.
    pub recording: Option<String>,
    /// The caller's yes to it.
    pub consent: Option<Consent>,
    /// Which of the call's media streams ended with it, from 0; none when there was none.
    pub stream: Option<u32>,
}

/// The waits that were kept. Before each was kept, only the median was: it stands for all.
fn waits(kept: &MeasuresKept) -> Waits {
    let mut waits = Waits::default();
    if kept.waits.is_empty() {
        waits.note(kept.latency_ms, u64::from(kept.replies));
    }
    for (count, replies) in waits.0.iter_mut().zip(&kept.waits) {
        *count = *replies;
    }
    waits
}

impl Calls<'_> {
    /// Keeps a call that rings; whether it is new. One whose SID is known is the same call, and stays as it is.
    ///
    /// # Errors
    /// [`Error::Dangling`] when the number or the assistant does not exist.
    pub async fn ring(&mut self, new: &NewCall, now: Timestamp) -> Result<bool, Error> {
        let state = CallState::Ringing;
        let kept = on!(self.tx, db => sqlx::query(RING)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.sid.as_str())
            .bind(new.account_sid.as_str())
            .bind(new.number.as_str())
            .bind(new.assistant.as_str())
            .bind(new.from.as_ref().map(E164::as_str))
            .bind(new.to.as_str())
            .bind(new.attested)
            .bind(state.as_str())
            .bind(state.rank())
            .bind(now.0)
            .bind(new.direction.as_str())
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The call of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &CallId) -> Result<Option<CallRecord>, Error> {
        let row: Option<CallRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(CallRecord::try_from).transpose()
    }

    /// The call Twilio calls that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_sid(&mut self, sid: &CallSid) -> Result<Option<CallRecord>, Error> {
        let row: Option<CallRow> = on!(self.tx, db => sqlx::query_as(BY_SID)
            .bind(self.tenant.as_str())
            .bind(sid.as_str())
            .fetch_optional(db).await?);
        row.map(CallRecord::try_from).transpose()
    }

    /// The latest `count_max` calls, latest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn latest(&mut self, count_max: u32) -> Result<Vec<CallRecord>, Error> {
        let rows: Vec<CallRow> = on!(self.tx, db => sqlx::query_as(LATEST)
            .bind(self.tenant.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(CallRecord::try_from).collect()
    }

    /// The calls that fit, latest first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        filter: &CallFilter,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<CallRecord>, Error> {
        let text = match (&filter.of, &filter.tag) {
            (None, None) => PAGE,
            (None, Some(_)) => PAGE_OF_TAG,
            (Some(CallsOf::Assistant(_)), _) => PAGE_OF_ASSISTANT,
            (Some(CallsOf::Number(_)), _) => PAGE_OF_NUMBER,
            (Some(CallsOf::Caller(_)), _) => PAGE_OF_CALLER,
        };
        let (mut at, mut id) = page::before(after);
        if let Some(until) = filter.until.filter(|until| until.0 <= at) {
            // The empty text stands before every id: nothing of that instant is in it.
            (at, id) = (until.0, "");
        }
        let bound = filter.from.map_or(i64::MIN, |from| from.0);
        let rows = self.fitting(text, filter, (at, id), bound, page::fetch(count_max)).await?;
        page::of(rows, count_max, |call: &CallRecord| Place { at: call.rang.0, id: call.id.to_string() })
    }

    /// The calls on either side of that one among those that fit: the one that rang before it, and the one after.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn beside(
        &mut self,
        filter: &CallFilter,
        call: &CallRecord,
    ) -> Result<(Option<CallId>, Option<CallId>), Error> {
        let place = Place { at: call.rang.0, id: call.id.to_string() };
        let before = self.page(filter, Some(&place), 1).await?.items.into_iter().next();
        let text = match (&filter.of, &filter.tag) {
            (None, None) => PAGE_BEFORE,
            (None, Some(_)) => PAGE_BEFORE_OF_TAG,
            (Some(CallsOf::Assistant(_)), _) => PAGE_BEFORE_OF_ASSISTANT,
            (Some(CallsOf::Number(_)), _) => PAGE_BEFORE_OF_NUMBER,
            (Some(CallsOf::Caller(_)), _) => PAGE_BEFORE_OF_CALLER,
        };
        // The last character there is stands behind every id.
        let last = char::MAX.to_string();
        let (at, id) = match filter.from {
            Some(from) if from.0 > place.at => (from.0 - 1, last.as_str()),
            Some(_) | None => (place.at, place.id.as_str()),
        };
        let bound = filter.until.map_or(i64::MAX, |until| until.0);
        let after = self.fitting(text, filter, (at, id), bound, 1).await?.into_iter().next();
        let after = after.map(|row| rows::text(&row.id, "calls.id")).transpose()?;
        Ok((before.map(|before| before.id), after))
    }

    /// The rows behind a place that fit, up to an instant.
    async fn fitting(
        &mut self,
        text: &'static str,
        filter: &CallFilter,
        (at, id): (i64, &str),
        bound: i64,
        count_max: i64,
    ) -> Result<Vec<CallRow>, Error> {
        let tag = filter.tag.as_ref().map(Tag::as_str);
        let (tag, of) = match &filter.of {
            Some(CallsOf::Assistant(id)) => (tag, Some(id.as_str())),
            Some(CallsOf::Number(id)) => (tag, Some(id.as_str())),
            Some(CallsOf::Caller(number)) => (tag, Some(number.as_str())),
            None => (None, tag),
        };
        Ok(on!(self.tx, db => {
            let query = sqlx::query_as(text)
                .bind(self.tenant.as_str())
                .bind(at)
                .bind(id)
                .bind(bound)
                .bind(filter.state.map(CallState::as_str))
                .bind(filter.outcome.map(Outcome::as_str))
                .bind(count_max)
                .bind(filter.passed_on)
                .bind(tag);
            let query = match of {
                Some(of) => query.bind(of),
                None => query,
            };
            query.fetch_all(db).await?
        }))
    }

    /// The caller's yes to being recorded, if it was given.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn consent(&mut self, id: &CallId) -> Result<Option<Consent>, Error> {
        let row: Option<(Option<i64>, Option<String>)> = on!(self.tx, db => sqlx::query_as(CONSENT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.and_then(|(at, wording)| Some(Consent { at: Timestamp(at?), wording: wording? })))
    }

    /// Moves a call forward to `state` as of `at`; whether that was forward. A state is never left for one of the
    /// same rank or a lower.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn advance(&mut self, id: &CallId, state: CallState, at: Timestamp) -> Result<bool, Error> {
        let moved = on!(self.tx, db => sqlx::query(ADVANCE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(state.rank())
            .execute(db).await?.rows_affected());
        let stamp = match state {
            CallState::Ringing => return Ok(moved == 1),
            CallState::InProgress => ANSWERED,
            CallState::Completed | CallState::Failed => ENDED,
        };
        if moved == 1 {
            on!(self.tx, db => sqlx::query(stamp)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .bind(at.0)
                .execute(db).await.map(drop)?);
        }
        Ok(moved == 1)
    }

    /// Keeps how a call ended, whatever was believed about its end before; whether there is such a call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn finish(&mut self, id: &CallId, ended: &Ended) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(FINISH)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(ended.outcome.as_str())
            .bind(ended.at.0)
            .bind(ended.cost.0)
            .bind(ended.recording.as_deref())
            .bind(ended.consent.as_ref().map(|yes| yes.at.0))
            .bind(ended.consent.as_ref().map(|yes| yes.wording.as_str()))
            .bind(ended.stream.map(|stream| i64::from(stream) + 1))
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Keeps how one of a call's streams ended, when the call goes on without it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn part(&mut self, id: &CallId, ended: &Ended) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PART)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(ended.cost.0)
            .bind(ended.recording.as_deref())
            .bind(ended.consent.as_ref().map(|yes| yes.at.0))
            .bind(ended.consent.as_ref().map(|yes| yes.wording.as_str()))
            .bind(ended.stream.map_or(0, |stream| i64::from(stream) + 1))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many turns stand before those of the call's `stream`-th media stream, from 0; `None` when that one is kept
    /// already.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn ordinals_before(&mut self, id: &CallId, stream: u32) -> Result<Option<u32>, Error> {
        let kept: Option<(i64,)> = on!(self.tx, db => sqlx::query_as(STREAMS_KEPT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        if kept.is_some_and(|(kept,)| kept > i64::from(stream)) {
            return Ok(None);
        }
        if stream == 0 {
            return Ok(Some(0));
        }
        let (last,): (Option<i64>,) = on!(self.tx, db => sqlx::query_as(LAST_ORDINAL)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        last.map_or(Ok(0), |last| rows::whole(last + 1, "turns.ordinal")).map(Some)
    }

    /// Closes a call as lost, unless its end has been told; whether it was closed.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn close_lost(&mut self, id: &CallId, now: Timestamp) -> Result<bool, Error> {
        let closed = on!(self.tx, db => sqlx::query(CLOSE_LOST)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(closed == 1)
    }

    /// Notes where a call's recording lies, or that it lies nowhere any more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_recording(&mut self, id: &CallId, blob: Option<&str>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(RECORDING)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(blob)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps what was said. A turn that is kept already stays as it is.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn add_turns(&mut self, id: &CallId, turns: &[Turn]) -> Result<(), Error> {
        for turn in turns {
            on!(self.tx, db => sqlx::query(PUT_TURN)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .bind(i64::from(turn.ordinal))
                .bind(turn.speaker.as_str())
                .bind(rows::column(turn.began.0))
                .bind(rows::column(turn.ended.0))
                .bind(turn.text.as_str())
                .bind(turn.heard_text.as_str())
                .bind(rows::column(turn.generated_ms))
                .bind(rows::column(turn.heard_ms))
                .bind(turn.interrupted)
                .bind(turn.first_audio_ms.map(rows::column))
                .bind(turn.confidence)
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }

    /// Keeps how a call went, in figures.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_measures(&mut self, id: &CallId, measures: &Measures) -> Result<(), Error> {
        let kept = MeasuresKept {
            replies: measures.replies,
            latency_ms: measures.latency_ms,
            latency_p95_ms: measures.latency_p95_ms,
            agent_turns: measures.agent_turns,
            interruptions: measures.interruptions,
            cuts: measures.cuts,
            silence_ms: measures.silence_ms,
            repeats: measures.repeats,
            waits: measures.waits.0.to_vec(),
        };
        let kept = rows::to_json(&kept, "calls.measures")?;
        on!(self.tx, db => sqlx::query(SET_MEASURES)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(kept.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How a call went, in figures, if that was measured.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn measures(&mut self, id: &CallId) -> Result<Option<Measures>, Error> {
        let row: Option<(Option<String>,)> = on!(self.tx, db => sqlx::query_as(MEASURES)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        let Some((Some(kept),)) = row else { return Ok(None) };
        let kept: MeasuresKept = rows::json(&kept, "calls.measures")?;
        Ok(Some(Measures {
            replies: kept.replies,
            latency_ms: kept.latency_ms,
            latency_p95_ms: kept.latency_p95_ms,
            agent_turns: kept.agent_turns,
            interruptions: kept.interruptions,
            cuts: kept.cuts,
            silence_ms: kept.silence_ms,
            repeats: kept.repeats,
            waits: waits(&kept),
        }))
    }

    /// What was said, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn turns(&mut self, id: &CallId) -> Result<Vec<Turn>, Error> {
        let rows: Vec<TurnRow> = on!(self.tx, db => sqlx::query_as(TURNS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Turn::try_from).collect()
    }
}
