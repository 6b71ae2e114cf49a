//! Passing a caller on: asked for, rung, taken, or not.
//!
//! What was decided stands in the database before the line is let go: whoever answers Twilio's question "what follows the
//! stream" reads it there, also after a restart. States only move forward. Nobody is rung here.

use serde_json::json;

use super::{
    Error,
    access::{Actor, Who},
    audit,
    calls::{self, Answer, Back},
    receptions,
};
use crate::{
    domain::{
        assistant::Language,
        conversation::{CallRecord, CallSid, CallState, Outcome},
        id::{CallId, TenantId, TransferId, TransferTargetId, UserId},
        money::MicroUsd,
        outgoing::{
            hours,
            number::{self, callable},
        },
        people::{Scope, Subject, Verb},
        phone::E164,
        phrases::Phrase,
        time::{Timestamp, Zone},
        transfer::{Transfer, TransferState, TransferTarget},
    },
    platform::{ids, metrics as figures},
    store::{Ended, Store, TenantTx},
};

/// How often one call may be passed on.
pub const PER_CALL_MAX: usize = 3;
/// What a returning agent is told of what was said before, in characters.
const SAID_BEFORE_CHARS_MAX: usize = 4_000;

/// How somebody is to be passed on.
#[derive(Clone)]
pub struct Wanted<'w> {
    /// Whether the target hears first who calls and why.
    pub announced: bool,
    /// What the caller wants, in one sentence.
    pub wish: String,
    /// Who asked for it.
    pub by: &'w str,
}

/// What somebody at the business asks for. It carries a caller's wish, so it has no `Debug`.
#[derive(Clone)]
pub struct Asked {
    /// To whom.
    pub target: TransferTargetId,
    /// Whether the target hears first who calls and why; as it is set up, when that is not said.
    pub announced: Option<bool>,
    /// What the caller wants.
    pub wish: String,
}

/// What follows a media stream that has ended.
#[derive(Debug)]
pub enum Onward {
    /// The target is rung.
    Ring {
        /// Whose call it is.
        tenant: TenantId,
        /// What is to be done.
        transfer: Box<Transfer>,
        /// The number that is shown to the target.
        shown: E164,
        /// The language of the call.
        language: Language,
    },
    /// The call ended as it should have; there is nothing to add.
    Over,
    /// The conversation broke off: the caller is owed an apology, in the language of the call.
    Broken(Language),
    /// No such call is known.
    Unknown,
}

/// What follows the ringing of a target.
#[derive(Debug)]
pub enum After {
    /// It is over: the caller was with a person, or is gone.
    Over {
        /// Whose call it was.
        tenant: TenantId,
        /// The call.
        call: CallId,
        /// How it ended.
        state: TransferState,
    },
    /// Nobody took the call: back to the agent, who knows what happened.
    Back {
        /// How it ended.
        state: TransferState,
        /// Who answers.
        answer: Box<Answer>,
    },
    /// Nobody took the call, and the assistant has stepped back: the caller can leave a message.
    Message {
        /// Whose call it is.
        tenant: TenantId,
        /// The call.
        call: CallId,
        /// How it ended.
        state: TransferState,
        /// The language of the call.
        language: Language,
    },
    /// No such transfer is known.
    Unknown,
}

/// What the carrier says of ringing a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rang {
    /// It was answered.
    Answered,
    /// It was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The caller hung up first.
    Cancelled,
    /// It could not be rung.
    Failed,
}

/// Keeps that a caller is to be passed on to `target`, before anything is done about it.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn keep(
    tx: &mut TenantTx,
    now: Timestamp,
    call: &CallId,
    target: &TransferTarget,
    wanted: Wanted<'_>,
) -> Result<Transfer, Error> {
    let transfer = Transfer {
        id: TransferId::of(ids::fresh(now)),
        call: call.clone(),
        target: target.id.clone(),
        name: target.name.clone(),
        number: target.number.clone(),
        announced: wanted.announced,
        wish: wanted.wish,
        by: wanted.by.to_owned(),
        state: TransferState::Asked,
        asked: now,
        connected: None,
        ended: None,
    };
    tx.transfers().add(&transfer).await?;
    Ok(transfer)
}

/// Somebody at the business has a call passed on that is in the air; `in_air` says whether it is carried here. Told before
/// it is done: what cannot be told does not happen.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when the call is not carried here, the target is closed
/// or inactive; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn ask(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    asked: Asked,
    in_air: bool,
) -> Result<Transfer, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    if record.test.is_some() {
        return Err(Error::Conflict("a test call has no telephone that could be passed on"));
    }
    let target = tx.transfer_targets().get(&asked.target).await?;
    let target = target.ok_or_else(|| Error::invalid("/target", "there is no such transfer target"))?;
    if !in_air {
        return Err(Error::Conflict("that call is not in the air"));
    }
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    if !target.open(now, &tenant.zone) {
        return Err(Error::Conflict("that transfer target is not to be rung at this time"));
    }
    if tx.transfers().of_call(call).await?.len() >= PER_CALL_MAX {
        return Err(Error::Limit { name: "transfers of a call", max: PER_CALL_MAX as u64 });
    }
    let who = by.to_string();
    let wanted =
        Wanted { announced: asked.announced.unwrap_or(target.announced), wish: asked.wish, by: &who };
    let transfer = keep(&mut tx, now, call, &target, wanted).await?;
    let about = json!({ "target": target.id.as_str(), "announced": transfer.announced });
    audit::tell(&mut tx, by, now, "call.transferred", call.as_str(), about).await?;
    tx.commit().await?;
    Ok(transfer)
}

/// How somebody at the business takes a call over. It carries a number, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct TakeOver<'w> {
    /// Where she is rung, as people write it; the number that is kept for her, when that is not said.
    pub telephone: Option<&'w str>,
    /// Whether that number is kept for the next time.
    pub keep: bool,
}

/// Where whoever asks is rung when she takes a call over, if she has said so.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn own_telephone(store: &Store, by: &Actor) -> Result<Option<E164>, Error> {
    let Some(user) = by.user() else { return Ok(None) };
    Ok(store.read(by.tenant()).await?.memberships().telephone(user).await?)
}

/// The telephone of a member: as she wrote it, or the one that is kept for her. Never a number that is answered here.
pub(super) async fn telephone(
    store: &Store,
    tx: &mut TenantTx,
    user: &UserId,
    written: Option<&str>,
    zone: &Zone,
) -> Result<E164, Error> {
    let number = match written {
        Some(text) => {
            let read = callable(text, hours::country_of(zone));
            read.map_err(|error| Error::invalid("/telephone", error.to_string()))?.number
        }
        None => {
            let kept = tx.memberships().telephone(user).await?;
            kept.ok_or_else(|| Error::invalid("/telephone", "is needed: no telephone of yours is kept"))?
        }
    };
    let country =
        number::country(&number).map_err(|error| Error::invalid("/telephone", error.to_string()))?;
    let allowed = tx.outgoing().settings().await?.item.countries;
    if hours::country_of(zone) != Some(country) && !allowed.iter().any(|code| code == country) {
        return Err(Error::invalid("/telephone", "is in a country that calls of yours may not go to"));
    }
    // Whoever has it here: what rings here is answered here.
    if store.across_tenants().number(&number).await?.is_some() {
        return Err(Error::invalid("/telephone", "is answered here: the call would ring in a circle"));
    }
    Ok(number)
}

/// Somebody at the business takes over a call that is in the air, at her own telephone; `in_air` says whether it is carried
/// here. Told before it is done: what cannot be told does not happen.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Closed`] to programs; [`Error::NotFound`]; [`Error::Conflict`] when the call is not
/// carried here, or a test call; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn take_over(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    wanted: TakeOver<'_>,
    in_air: bool,
) -> Result<Transfer, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    // Whoever was let in to help has no ear in a call.
    if matches!(by.who(), Who::Support { .. }) {
        return Err(Error::Forbidden(Scope { subject: Subject::Listening, verb: Verb::Write }));
    }
    let user = by.user().ok_or(Error::Closed("a program has no telephone: pass the call on to a target"))?;
    let person = store.read_platform().await?.users().get(user).await?;
    let mut tx = store.begin(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    if record.test.is_some() {
        return Err(Error::Conflict("a test call has no telephone that could be passed on"));
    }
    if !in_air {
        return Err(Error::Conflict("that call is not in the air"));
    }
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let number = telephone(store, &mut tx, user, wanted.telephone, &tenant.zone).await?;
    if record.person() == Some(&number) {
        return Err(Error::invalid("/telephone", "is the other side's of this call"));
    }
    if tx.transfers().of_call(call).await?.len() >= PER_CALL_MAX {
        return Err(Error::Limit { name: "transfers of a call", max: PER_CALL_MAX as u64 });
    }
    if wanted.keep {
        tx.memberships().set_telephone(user, &number).await?;
    }
    let transfer = Transfer {
        id: TransferId::of(ids::fresh(now)),
        call: call.clone(),
        target: Transfer::takeover(),
        name: person.map(|person| person.called().to_owned()).unwrap_or_default(),
        number,
        announced: true,
        wish: String::new(),
        by: by.to_string(),
        state: TransferState::Asked,
        asked: now,
        connected: None,
        ended: None,
    };
    tx.transfers().add(&transfer).await?;
    audit::tell(&mut tx, by, now, "call.taken_over", call.as_str(), json!({})).await?;
    tx.commit().await?;
    Ok(transfer)
}

/// What follows the stream of a call that Twilio asks about: the target that is to be rung, from here on, or nothing.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn onward(store: &Store, now: Timestamp, sid: &CallSid) -> Result<Onward, Error> {
    let Some((tenant, call)) = store.across_tenants().call(sid).await? else { return Ok(Onward::Unknown) };
    let mut tx = store.begin(&tenant).await?;
    let record = tx.calls().get(&call).await?.ok_or(Error::NotFound("call"))?;
    let transfers = tx.transfers().of_call(&call).await?;
    let language = calls::language(store, &record).await?;
    // Asked twice, Twilio gets the same answer twice.
    let due = transfers
        .into_iter()
        .rfind(|transfer| matches!(transfer.state, TransferState::Asked | TransferState::Ringing));
    let Some(transfer) = due else {
        return Ok(match record.outcome {
            None | Some(Outcome::Degraded | Outcome::Lost | Outcome::Refused) => Onward::Broken(language),
            Some(
                Outcome::CallerLeft
                | Outcome::AgentLeft
                | Outcome::Silence
                | Outcome::MaxDuration
                | Outcome::Drained
                | Outcome::Dismissed
                | Outcome::Transferred
                | Outcome::NotReached
                | Outcome::Machine
                | Outcome::Paused
                | Outcome::Blocked
                | Outcome::ForwardingTest,
            ) => Onward::Over,
        });
    };
    tx.transfers().advance(&transfer, TransferState::Ringing, false, now).await?;
    tx.commit().await?;
    Ok(Onward::Ring { tenant, shown: shown(&record), transfer: Box::new(transfer), language })
}

/// The number that a target sees: the caller's, or ours where the network does not say (protocols.md §1.2).
fn shown(record: &CallRecord) -> E164 {
    record.from.clone().unwrap_or_else(|| record.to.clone())
}

/// A transfer as whoever answers is told of it.
#[derive(Debug)]
pub struct Announcement {
    /// The transfer.
    pub transfer: Transfer,
    /// Whose call it is.
    pub tenant: TenantId,
    /// The language of the call.
    pub language: Language,
    /// Who calls, as far as is known.
    pub caller: Option<String>,
    /// What the caller has booked in the call, by the name of the service.
    pub service: Option<String>,
}

/// What whoever answers hears first: who calls, about which service, with which wish. `None` when that is over, or not
/// the business of the Twilio account that asks.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn announcement(
    store: &Store,
    id: &TransferId,
    account_sid: &str,
) -> Result<Option<Announcement>, Error> {
    let Some(tenant) = owner(store, id, account_sid).await? else { return Ok(None) };
    let mut tx = store.read(&tenant).await?;
    let transfer = tx.transfers().get(id).await?.filter(|transfer| transfer.ended.is_none());
    let Some(transfer) = transfer else { return Ok(None) };
    let record = tx.calls().get(&transfer.call).await?.ok_or(Error::NotFound("call"))?;
    let language = calls::language(store, &record).await?;
    let appointment = tx.appointments().of_call(&record.id).await?.pop();
    let mut contact = None;
    if let Some(id) = appointment.as_ref().and_then(|appointment| appointment.contact.as_ref()) {
        contact = tx.contacts().get(id).await?;
    }
    if contact.is_none()
        && record.attested
        && let Some(number) = &record.from
    {
        contact = tx.contacts().by_number(number).await?.into_iter().next();
    }
    let mut service = None;
    if let Some(appointment) = &appointment {
        let named = tx.services().get(&appointment.service).await?;
        service = named.and_then(|service| {
            service.names.get(language.code()).or_else(|| service.names.values().next()).cloned()
        });
    }
    let caller = contact.map(|contact| contact.name).filter(|name| !name.trim().is_empty());
    Ok(Some(Announcement { transfer, tenant, language, caller, service }))
}

/// Notes that whoever answers takes the call; whether that still counts.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn taken(
    store: &Store,
    now: Timestamp,
    id: &TransferId,
    account_sid: &str,
) -> Result<Option<(TenantId, Transfer)>, Error> {
    let Some(tenant) = owner(store, id, account_sid).await? else { return Ok(None) };
    let mut tx = store.begin(&tenant).await?;
    let Some(transfer) = tx.transfers().get(id).await? else { return Ok(None) };
    let takes = match transfer.state {
        TransferState::Ringing => {
            tx.transfers().advance(&transfer, TransferState::Connected, false, now).await?
        }
        TransferState::Connected => transfer.ended.is_none(),
        TransferState::Asked
        | TransferState::Busy
        | TransferState::NoAnswer
        | TransferState::Declined
        | TransferState::Failed
        | TransferState::Cancelled => false,
    };
    let kept = tx.transfers().get(id).await?;
    tx.commit().await?;
    Ok(kept.filter(|_| takes).map(|transfer| (tenant, transfer)))
}

/// What follows the ringing of a target. `bridged` says whether the two were connected, where the carrier says so; `left`
/// whether the caller has hung up. Where a colleague took the call over and her line has ended, the agent is back.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn ended(
    store: &Store,
    now: Timestamp,
    id: &TransferId,
    account_sid: &str,
    rang: Rang,
    bridged: Option<bool>,
    left: bool,
) -> Result<After, Error> {
    let Some(tenant) = owner(store, id, account_sid).await? else { return Ok(After::Unknown) };
    let mut tx = store.begin(&tenant).await?;
    let Some(transfer) = tx.transfers().get(id).await? else { return Ok(After::Unknown) };
    let state = verdict(&transfer, rang, bridged);
    let first = transfer.ended.is_none() || transfer.state == TransferState::Cancelled;
    if first {
        tx.transfers().advance(&transfer, state, true, now).await?;
        metrics::counter!(figures::TRANSFERS_TOTAL, "end" => state.as_str()).increment(1);
    }
    tracing::info!(call.id = %transfer.call, end = state.as_str(), "passing a caller on is over");
    let record = tx.calls().get(&transfer.call).await?.ok_or(Error::NotFound("call"))?;
    // Told late of a call that is over, there is nobody left to be back.
    let handed_back = transfer.is_takeover() && !left && record.outcome.is_none();
    let over = match state {
        TransferState::Connected if handed_back => None,
        TransferState::Connected => Some(Outcome::Transferred),
        TransferState::Cancelled => Some(Outcome::CallerLeft),
        TransferState::Asked
        | TransferState::Ringing
        | TransferState::Busy
        | TransferState::NoAnswer
        | TransferState::Declined
        | TransferState::Failed => None,
    };
    if let Some(outcome) = over {
        if first {
            finish(&mut tx, &transfer.call, outcome, now).await?;
        }
        tx.commit().await?;
        return Ok(After::Over { tenant, call: transfer.call, state });
    }
    if transfer.is_fallback() || receptions::is_ours(&transfer) {
        tx.commit().await?;
        let language = calls::language(store, &record).await?;
        return Ok(After::Message { tenant, call: transfer.call, state, language });
    }
    let streams = tx.transfers().of_call(&transfer.call).await?.len();
    let said = said_before(&tx.calls().turns(&transfer.call).await?);
    tx.commit().await?;
    let elapsed_ms = record.answered.map_or(0, |answered| now.millis_since(answered).max(0));
    let back = Back {
        stream: u32::try_from(streams).unwrap_or(u32::MAX),
        phrase: match state {
            TransferState::Connected => Phrase::ColleagueGone,
            TransferState::Asked
            | TransferState::Ringing
            | TransferState::Busy
            | TransferState::NoAnswer
            | TransferState::Declined
            | TransferState::Failed
            | TransferState::Cancelled => Phrase::NobodyThere,
        },
        facts: facts(&transfer, state, &said),
        elapsed_ms: u64::try_from(elapsed_ms).unwrap_or(0),
    };
    Ok(match calls::again(store, &tenant, &record, back).await? {
        Some(answer) => After::Back { state, answer: Box::new(answer) },
        None => After::Unknown,
    })
}

/// Closes what is open of passing a caller on whose call is over, as the carrier tells; and the call with it.
pub(super) async fn caller_gone(tx: &mut TenantTx, call: &CallId, now: Timestamp) -> Result<(), Error> {
    for transfer in tx.transfers().of_call(call).await? {
        if transfer.ended.is_some() {
            continue;
        }
        let (state, outcome) = if transfer.state == TransferState::Connected {
            (TransferState::Connected, Outcome::Transferred)
        } else {
            (TransferState::Cancelled, Outcome::CallerLeft)
        };
        tx.transfers().advance(&transfer, state, true, now).await?;
        finish(tx, call, outcome, now).await?;
    }
    Ok(())
}

async fn finish(tx: &mut TenantTx, call: &CallId, outcome: Outcome, now: Timestamp) -> Result<(), Error> {
    let before = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    tx.calls().advance(call, CallState::Completed, now).await?;
    let ended =
        Ended { outcome, at: now, cost: MicroUsd::default(), recording: None, consent: None, stream: None };
    tx.calls().finish(call, &ended).await?;
    calls::tell_ended(tx, &before, now).await
}

/// How it ended. Where a target takes calls by a key, being answered is not being taken.
fn verdict(transfer: &Transfer, rang: Rang, bridged: Option<bool>) -> TransferState {
    let taken = !transfer.announced || transfer.connected.is_some();
    match rang {
        Rang::Answered if bridged != Some(false) && (taken || bridged == Some(true)) => {
            TransferState::Connected
        }
        Rang::Answered => TransferState::Declined,
        Rang::Busy => TransferState::Busy,
        Rang::NoAnswer => TransferState::NoAnswer,
        Rang::Cancelled => TransferState::Cancelled,
        Rang::Failed => TransferState::Failed,
    }
}

/// What the agent is told when the caller is back.
fn facts(transfer: &Transfer, state: TransferState, said: &str) -> String {
    let before =
        if said.is_empty() { String::new() } else { format!("\nWhat was said before:\n<<<\n{said}>>>\n") };
    let who = if transfer.is_takeover() { "a colleague" } else { transfer.name.as_str() };
    let why = match state {
        TransferState::Connected => {
            return format!(
                "You have spoken with this caller before in this call. Then a colleague took the call over and spoke with the \
                 caller; you do not know what they said. Her line has ended, the caller is back with you and has just heard \
                 so. Ask what is left to do and help with it. Do not greet again.{before}"
            );
        }
        TransferState::Busy => "the line was busy",
        TransferState::NoAnswer => "nobody answered",
        TransferState::Declined => "whoever answered did not take the call",
        TransferState::Asked | TransferState::Ringing | TransferState::Failed | TransferState::Cancelled => {
            "it could not be rung"
        }
    };
    format!(
        "You have spoken with this caller before in this call, and put them through to {who}: {why}. The caller is back with \
         you and has just heard so. Offer to take a message with take_message, or to help in another way. Do not greet \
         again and do not ask again what you know.{before}"
    )
}

/// The end of what was said, as far as it was heard.
fn said_before(turns: &[crate::domain::conversation::Turn]) -> String {
    let mut lines: Vec<String> = vec![];
    let mut chars = 0;
    for turn in turns.iter().rev() {
        let line = format!("{}: {}\n", turn.speaker.as_str(), turn.heard_text.trim());
        chars += line.chars().count();
        if chars > SAID_BEFORE_CHARS_MAX {
            break;
        }
        lines.push(line);
    }
    lines.into_iter().rev().collect()
}

/// Whose transfer that is, if the Twilio account that speaks of it is the one its call came from.
async fn owner(store: &Store, id: &TransferId, account_sid: &str) -> Result<Option<TenantId>, Error> {
    let found = store.across_tenants().transfer(id).await?;
    Ok(found.filter(|(_, account)| account == account_sid).map(|(tenant, _)| tenant))
}
