//! Passing a caller on: asked for, rung, taken, or not.
//!
//! What was decided stands in the database before the line is let go: whoever answers Twilio's question "what follows the
//! stream" reads it there, also after a restart. States only move forward. Nobody is rung here.

use serde_json::json;

use super::{
    Error,
    access::Actor,
    audit,
    calls::{self, Answer, Back},
};
use crate::{
    domain::{
        assistant::Language,
        conversation::{CallRecord, CallSid, CallState, Outcome},
        id::{CallId, TenantId, TransferId, TransferTargetId},
        money::MicroUsd,
        people::{Subject, Verb},
        phone::E164,
        phrases::Phrase,
        time::Timestamp,
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
                | Outcome::Machine,
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

/// What follows the ringing of a target. `bridged` says whether the two were connected, where the carrier says so.
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
    let over = match state {
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
    let record = tx.calls().get(&transfer.call).await?.ok_or(Error::NotFound("call"))?;
    let streams = tx.transfers().of_call(&transfer.call).await?.len();
    let said = said_before(&tx.calls().turns(&transfer.call).await?);
    tx.commit().await?;
    let elapsed_ms = record.answered.map_or(0, |answered| now.millis_since(answered).max(0));
    let back = Back {
        stream: u32::try_from(streams).unwrap_or(u32::MAX),
        phrase: Phrase::NobodyThere,
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
    let why = match state {
        TransferState::Busy => "the line was busy",
        TransferState::NoAnswer => "nobody answered",
        TransferState::Declined => "whoever answered did not take the call",
        TransferState::Asked
        | TransferState::Ringing
        | TransferState::Connected
        | TransferState::Failed
        | TransferState::Cancelled => "it could not be rung",
    };
    let before =
        if said.is_empty() { String::new() } else { format!("\nWhat was said before:\n<<<\n{said}>>>\n") };
    format!(
        "You have spoken with this caller before in this call, and put them through to {}: {why}. The caller is back with \
         you and has just heard so. Offer to take a message with take_message, or to help in another way. Do not greet \
         again and do not ask again what you know.{before}",
        transfer.name
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
