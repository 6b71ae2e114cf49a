//! What a tenant has to call, what was called, and who may be.
//!
//! An attempt is in the database before Twilio is asked, and says from when on Twilio may have been. Whether it may be
//! made is not decided here; [`OutgoingCalls::lock`] makes those who decide for one tenant wait for each other.

use sqlx::FromRow;

use super::{
    Error, OutgoingCalls, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    conversation::CallSid,
    id::{AppointmentId, CallId, ContactId, NumberId, OutgoingId},
    outgoing::{Cause, Ending, Kind, Outgoing, OutgoingSettings, OutgoingState, Said},
    phone::E164,
    revision::{Revised, Revision},
    time::{Timestamp, Zone},
};

/// How many attempts to call one person are looked at.
const ATTEMPTS_LOOKED_AT: i64 = 20;

macro_rules! columns {
    () => {
        "id, to_number, number_id, assistant_id, language, purpose, kind, cause_id, cause_entry_id, channel, attempt, attempts_max, sms_after, \
         appointment_id, for_start, contact_id, zone, due_at, expires_at, state, why, said, problem, asks, asked_at, \
         account_sid, sid, call_id, created_at, ended_at"
    };
}

texts! {
    ADD = "INSERT INTO outgoing_calls (tenant_id, id, to_number, number_id, assistant_id, language, purpose, kind,
            channel, attempt, attempts_max, sms_after, appointment_id, for_start, contact_id, zone, due_at, expires_at,
            state, created_at, request_key, created_by, cause_id, cause_entry_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24)
        ON CONFLICT DO NOTHING";
    GET = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND id = $2");
    BY_KEY = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND request_key = $2");
    BY_SID = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND sid = $2");
    /// Without text messages to members: their numbers are their own.
    PAGE = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1
        AND (created_at, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR state = $4) AND kind <> 'notice'
        ORDER BY created_at DESC, id DESC LIMIT $5");
    OF_CONTACT = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND contact_id = $2
        ORDER BY created_at DESC, id DESC LIMIT $3");
    TO_MOVE = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND appointment_id = $2
        AND kind = 'move' ORDER BY created_at DESC, id DESC LIMIT 1");
    NEXT = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1
        AND state IN ('waiting', 'dialling') AND due_at <= $2 AND busy_until <= $2 ORDER BY due_at, id LIMIT 1");
    ASK = "UPDATE outgoing_calls SET state = 'dialling', asks = asks + 1, asked_at = $3, account_sid = $4,
            busy_until = $5, problem = NULL WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'";
    BUSY = "UPDATE outgoing_calls SET busy_until = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'dialling'";
    LATER = "UPDATE outgoing_calls SET due_at = $3, problem = $4 WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'";
    NOT_ASKED = "UPDATE outgoing_calls SET state = 'waiting', asked_at = NULL, due_at = $3, problem = $4, busy_until = 0
        WHERE tenant_id = $1 AND id = $2 AND state = 'dialling' AND sid IS NULL";
    PLACED = "UPDATE outgoing_calls SET state = 'placed', sid = $3, call_id = $4, check_at = $5, busy_until = 0
        WHERE tenant_id = $1 AND id = $2 AND state = 'dialling'";
    END = "UPDATE outgoing_calls SET state = $3, why = $4, ended_at = $5, problem = $6, busy_until = 0
        WHERE tenant_id = $1 AND id = $2 AND state NOT IN ('over', 'dropped')";
    CANCEL = "UPDATE outgoing_calls SET state = 'dropped', why = 'cancelled', ended_at = $3
        WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'";
    MACHINE = "UPDATE outgoing_calls SET why = 'machine' WHERE tenant_id = $1 AND id = $2 AND state = 'placed'";
    CHECK = "UPDATE outgoing_calls SET check_at = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'placed'";
    SAY = "UPDATE outgoing_calls SET said = $3 WHERE tenant_id = $1 AND id = $2";
    ATTEMPTS = "SELECT asked_at FROM outgoing_calls WHERE tenant_id = $1 AND to_number = $2 AND asked_at > $3
        AND channel = 'call' AND kind NOT IN ('test', 'forwarding') AND id <> $4 ORDER BY asked_at DESC LIMIT $5";
    NOTICED = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND to_number = $2 AND kind = 'notice'
        AND created_at > $3";
    OUT = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND state IN ('dialling', 'placed')
        AND channel = 'call'";
    DROP_OF_PERSON = "UPDATE outgoing_calls SET state = 'dropped', why = 'opted_out', ended_at = $3
        WHERE tenant_id = $1 AND to_number = $2 AND state = 'waiting'";
    TURN = "INSERT INTO dial_turns (account_sid, next_at) VALUES ($1, $3)
        ON CONFLICT (account_sid) DO UPDATE SET next_at = excluded.next_at WHERE dial_turns.next_at <= $2";
    NEXT_TURN = "SELECT next_at FROM dial_turns WHERE account_sid = $1";
    LOCK = "UPDATE outgoing_settings SET touched = touched + 1 WHERE tenant_id = $1";
    PLANNED = "UPDATE outgoing_settings SET plan_at = $2 WHERE tenant_id = $1";
    SETTINGS = "SELECT consent, countries, from_min, until_min, number_id, at_once_max, voicemail, revision
        FROM outgoing_settings WHERE tenant_id = $1";
    SET = "INSERT INTO outgoing_settings (tenant_id, consent, countries, from_min, until_min, number_id, at_once_max,
            voicemail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (tenant_id) DO UPDATE SET consent = excluded.consent, countries = excluded.countries,
            from_min = excluded.from_min, until_min = excluded.until_min, number_id = excluded.number_id,
            at_once_max = excluded.at_once_max, voicemail = excluded.voicemail,
            revision = outgoing_settings.revision + 1";
}

#[derive(FromRow)]
struct OutgoingRow {
    id: String,
    to_number: String,
    number_id: String,
    assistant_id: String,
    language: String,
    purpose: String,
    kind: String,
    cause_id: Option<String>,
    cause_entry_id: Option<String>,
    channel: String,
    attempt: i64,
    attempts_max: i64,
    sms_after: bool,
    appointment_id: Option<String>,
    for_start: Option<i64>,
    contact_id: Option<String>,
    zone: Option<String>,
    due_at: i64,
    expires_at: Option<i64>,
    state: String,
    why: Option<String>,
    said: Option<String>,
    problem: Option<String>,
    asks: i64,
    asked_at: Option<i64>,
    account_sid: Option<String>,
    sid: Option<String>,
    call_id: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<OutgoingRow> for Outgoing {
    type Error = Error;

    fn try_from(row: OutgoingRow) -> Result<Self, Error> {
        let kind: Kind = rows::text(&row.kind, "outgoing_calls.kind")?;
        let cause = match (kind, &row.cause_id, &row.cause_entry_id) {
            (Kind::Campaign, Some(campaign), Some(entry)) => Some(Cause::Campaign(
                rows::text(campaign, "outgoing_calls.cause_id")?,
                rows::text(entry, "outgoing_calls.cause_entry_id")?,
            )),
            (Kind::Offer, Some(offer), Some(waiting)) => Some(Cause::Offer(
                rows::text(offer, "outgoing_calls.cause_id")?,
                rows::text(waiting, "outgoing_calls.cause_entry_id")?,
            )),
            _ => None,
        };
        Ok(Self {
            id: rows::text(&row.id, "outgoing_calls.id")?,
            to: rows::text(&row.to_number, "outgoing_calls.to_number")?,
            number: rows::text(&row.number_id, "outgoing_calls.number_id")?,
            assistant: rows::text(&row.assistant_id, "outgoing_calls.assistant_id")?,
            language: rows::text(&row.language, "outgoing_calls.language")?,
            purpose: row.purpose,
            kind,
            cause,
            channel: rows::text(&row.channel, "outgoing_calls.channel")?,
            attempt: rows::whole(row.attempt, "outgoing_calls.attempt")?,
            attempts_max: rows::whole(row.attempts_max, "outgoing_calls.attempts_max")?,
            sms_after: row.sms_after,
            appointment: rows::maybe(row.appointment_id.as_deref(), "outgoing_calls.appointment_id")?,
            for_start: row.for_start.map(Timestamp),
            contact: rows::maybe(row.contact_id.as_deref(), "outgoing_calls.contact_id")?,
            zone: rows::maybe(row.zone.as_deref(), "outgoing_calls.zone")?,
            due: Timestamp(row.due_at),
            expires: row.expires_at.map(Timestamp),
            state: rows::text(&row.state, "outgoing_calls.state")?,
            ended: rows::maybe(row.why.as_deref(), "outgoing_calls.why")?,
            said: rows::maybe(row.said.as_deref(), "outgoing_calls.said")?,
            problem: row.problem,
            asks: rows::whole(row.asks, "outgoing_calls.asks")?,
            asked: row.asked_at.map(Timestamp),
            account_sid: row.account_sid,
            sid: rows::maybe(row.sid.as_deref(), "outgoing_calls.sid")?,
            call: rows::maybe(row.call_id.as_deref(), "outgoing_calls.call_id")?,
            created: Timestamp(row.created_at),
            over: row.ended_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
struct SettingsRow {
    consent: Option<String>,
    countries: String,
    from_min: i64,
    until_min: i64,
    number_id: Option<String>,
    at_once_max: i64,
    voicemail: bool,
    revision: i64,
}

impl OutgoingCalls<'_> {
    /// Keeps an attempt that is to be made, under the name of the request if it has one; whether it is new: the same
    /// attempt of the same reminder, or the same request, is kept once.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its number, assistant or appointment does not exist.
    pub async fn add(&mut self, new: &Outgoing, key: Option<&str>, by: &str) -> Result<bool, Error> {
        let (cause, entry) = match &new.cause {
            Some(Cause::Campaign(campaign, entry)) => (Some(campaign.as_str()), Some(entry.as_str())),
            Some(Cause::Offer(offer, waiting)) => (Some(offer.as_str()), Some(waiting.as_str())),
            None => (None, None),
        };
        let added = on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.to.as_str())
            .bind(new.number.as_str())
            .bind(new.assistant.as_str())
            .bind(new.language.code())
            .bind(new.purpose.as_str())
            .bind(new.kind.to_string())
            .bind(new.channel.as_str())
            .bind(i64::from(new.attempt))
            .bind(i64::from(new.attempts_max))
            .bind(new.sms_after)
            .bind(new.appointment.as_ref().map(AppointmentId::as_str))
            .bind(new.for_start.map(|at| at.0))
            .bind(new.contact.as_ref().map(ContactId::as_str))
            .bind(new.zone.as_ref().map(Zone::name))
            .bind(new.due.0)
            .bind(new.expires.map(|at| at.0))
            .bind(new.state.as_str())
            .bind(new.created.0)
            .bind(key)
            .bind(by)
            .bind(cause)
            .bind(entry)
            .execute(db).await?.rows_affected());
        Ok(added == 1)
    }

    /// The attempt of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &OutgoingId) -> Result<Option<Outgoing>, Error> {
        self.one(GET, id.as_str()).await
    }

    /// The attempt that was asked for under that name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_key(&mut self, key: &str) -> Result<Option<Outgoing>, Error> {
        self.one(BY_KEY, key).await
    }

    /// The attempt that Twilio calls that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_sid(&mut self, sid: &CallSid) -> Result<Option<Outgoing>, Error> {
        self.one(BY_SID, sid.as_str()).await
    }

    /// The last call that was asked for so that an appointment is moved.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn to_move(&mut self, appointment: &AppointmentId) -> Result<Option<Outgoing>, Error> {
        self.one(TO_MOVE, appointment.as_str()).await
    }

    async fn one(&mut self, text: &'static str, name: &str) -> Result<Option<Outgoing>, Error> {
        let row: Option<OutgoingRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(name)
            .fetch_optional(db).await?);
        row.map(Outgoing::try_from).transpose()
    }

    /// The attempts, those asked for last first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        state: Option<OutgoingState>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Outgoing>, Error> {
        let (at, id) = page::before(after);
        let rows: Vec<OutgoingRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(at)
            .bind(id)
            .bind(state.map(OutgoingState::as_str))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Outgoing| Place { at: one.created.0, id: one.id.to_string() })
    }

    /// The attempts to reach a contact, the latest first, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_contact(&mut self, contact: &ContactId, count_max: u32) -> Result<Vec<Outgoing>, Error> {
        let rows: Vec<OutgoingRow> = on!(self.tx, db => sqlx::query_as(OF_CONTACT)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Outgoing::try_from).collect()
    }

    /// Whether a member was written to at that number since then, or is to be.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn noticed(&mut self, to: &E164, since: Timestamp) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(NOTICED)
            .bind(self.tenant.as_str())
            .bind(to.as_str())
            .bind(since.0)
            .fetch_one(db).await?);
        Ok(count > 0)
    }

    /// Whoever decides for this tenant waits here for whoever else does, until the transaction ends.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn lock(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LOCK).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }

    /// The attempt that is due longest and that nobody is at.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn next(&mut self, now: Timestamp) -> Result<Option<Outgoing>, Error> {
        let row: Option<OutgoingRow> = on!(self.tx, db => sqlx::query_as(NEXT)
            .bind(self.tenant.as_str())
            .bind(now.0)
            .fetch_optional(db).await?);
        row.map(Outgoing::try_from).transpose()
    }

    /// Notes that Twilio is about to be asked to dial in the name of that account, by somebody who has the attempt to
    /// themselves until `until`; whether it was still to be made.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn ask(
        &mut self,
        id: &OutgoingId,
        now: Timestamp,
        account_sid: &str,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let asked = on!(self.tx, db => sqlx::query(ASK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(account_sid)
            .bind(until.0)
            .execute(db).await?.rows_affected());
        Ok(asked == 1)
    }

    /// Nobody else looks after an attempt that Twilio may have before `until`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn busy(&mut self, id: &OutgoingId, until: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(BUSY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(until.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// An attempt that waits is to be looked at again then, and why.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn later(&mut self, id: &OutgoingId, due: Timestamp, why: Option<&str>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LATER)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(due.0)
            .bind(why)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Twilio has not dialled: the attempt waits again, until then.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn not_asked(&mut self, id: &OutgoingId, due: Timestamp, why: &str) -> Result<bool, Error> {
        let back = on!(self.tx, db => sqlx::query(NOT_ASKED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(due.0)
            .bind(why)
            .execute(db).await?.rows_affected());
        Ok(back == 1)
    }

    /// Twilio has the call and calls it that; what became of it is asked at `check`, unless it is heard before. Whether
    /// that was not known.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn placed(
        &mut self,
        id: &OutgoingId,
        sid: &CallSid,
        call: &CallId,
        check: Timestamp,
    ) -> Result<bool, Error> {
        let placed = on!(self.tx, db => sqlx::query(PLACED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(sid.as_str())
            .bind(call.as_str())
            .bind(check.0)
            .execute(db).await?.rows_affected());
        Ok(placed == 1)
    }

    /// The attempt is over, or was never made; whether that was not known. `problem` says more where there is more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn end(
        &mut self,
        id: &OutgoingId,
        state: OutgoingState,
        why: Ending,
        at: Timestamp,
        problem: Option<&str>,
    ) -> Result<bool, Error> {
        let ended = on!(self.tx, db => sqlx::query(END)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(why.as_str())
            .bind(at.0)
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(ended == 1)
    }

    /// Takes back an attempt that was not begun; whether it was not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn cancel(&mut self, id: &OutgoingId, now: Timestamp) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(CANCEL)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// Notes that a machine has answered; whether the call was still out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn machine(&mut self, id: &OutgoingId) -> Result<bool, Error> {
        let noted = on!(self.tx, db => sqlx::query(MACHINE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(noted == 1)
    }

    /// When Twilio is next asked what became of a call that is out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn check(&mut self, id: &OutgoingId, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(CHECK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes what the person answered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn say(&mut self, id: &OutgoingId, said: Said) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SAY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(said.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// When a person was called after `since`, the latest first; the attempt `but` does not count.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn attempts(
        &mut self,
        to: &E164,
        since: Timestamp,
        but: &OutgoingId,
    ) -> Result<Vec<Timestamp>, Error> {
        let rows: Vec<(i64,)> = on!(self.tx, db => sqlx::query_as(ATTEMPTS)
            .bind(self.tenant.as_str())
            .bind(to.as_str())
            .bind(since.0)
            .bind(but.as_str())
            .bind(ATTEMPTS_LOOKED_AT)
            .fetch_all(db).await?);
        Ok(rows.into_iter().map(|(at,)| Timestamp(at)).collect())
    }

    /// How many calls are out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn out(&mut self) -> Result<u32, Error> {
        let (out,): (i64,) =
            on!(self.tx, db => sqlx::query_as(OUT).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(out, "outgoing_calls")
    }

    /// Drops what waits for a person who does not want to be called; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn drop_of(&mut self, person: &E164, now: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(DROP_OF_PERSON)
            .bind(self.tenant.as_str())
            .bind(person.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected()))
    }

    /// Takes the turn to have an account dial, if it is anybody's: the next one is at `next`. Otherwise says when to ask
    /// again. The turn is had when the transaction is kept.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn turn(
        &mut self,
        account_sid: &str,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let taken = on!(self.tx, db => sqlx::query(TURN)
            .bind(account_sid)
            .bind(now.0)
            .bind(next.0)
            .execute(db).await?.rows_affected());
        if taken == 1 {
            return Ok(None);
        }
        let row: Option<(i64,)> =
            on!(self.tx, db => sqlx::query_as(NEXT_TURN).bind(account_sid).fetch_optional(db).await?);
        Ok(Some(row.map_or(next, |(at,)| Timestamp(at))))
    }

    /// When it is next looked which reminders are due.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn planned(&mut self, next: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PLANNED)
            .bind(self.tenant.as_str())
            .bind(next.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whom the tenant may call, and which state of that this is; nobody when nothing was set.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn settings(&mut self) -> Result<Revised<OutgoingSettings>, Error> {
        let row: Option<SettingsRow> = on!(self.tx, db => {
            sqlx::query_as(SETTINGS).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        let Some(row) = row else {
            return Ok(Revised { item: OutgoingSettings::default(), revision: Revision(0) });
        };
        let item = OutgoingSettings {
            consent: row.consent,
            countries: rows::json(&row.countries, "outgoing_settings.countries")?,
            from_min: rows::whole(row.from_min, "outgoing_settings.from_min")?,
            until_min: rows::whole(row.until_min, "outgoing_settings.until_min")?,
            number: rows::maybe(row.number_id.as_deref(), "outgoing_settings.number_id")?,
            at_once_max: rows::whole(row.at_once_max, "outgoing_settings.at_once_max")?,
            voicemail: row.voicemail,
        };
        Ok(Revised { item, revision: Revision(row.revision) })
    }

    /// Keeps whom the tenant may call.
    ///
    /// # Errors
    /// [`Error::Dangling`] when the number does not exist.
    pub async fn set(&mut self, wanted: &OutgoingSettings) -> Result<(), Error> {
        let countries = rows::to_json(&wanted.countries, "outgoing_settings.countries")?;
        on!(self.tx, db => sqlx::query(SET)
            .bind(self.tenant.as_str())
            .bind(wanted.consent.as_deref())
            .bind(countries.as_str())
            .bind(i64::from(wanted.from_min))
            .bind(i64::from(wanted.until_min))
            .bind(wanted.number.as_ref().map(NumberId::as_str))
            .bind(i64::from(wanted.at_once_max))
            .bind(wanted.voicemail)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
