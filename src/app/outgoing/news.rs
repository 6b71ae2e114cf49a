//! What is heard of calls of ours: that Twilio has one, that somebody answers, that a machine does, that it is over.
//!
//! News come late, twice, reversed or never. States only move forward, so whatever comes last changes nothing that was
//! known to be over; what never comes is asked for ([`Dialler::check`](super::dialling::Dialler::check)).

use metrics::counter;
use tracing::{error, info, warn};

use super::{Errand, dialling, offers};
use crate::{
    app::{
        Error,
        accounts::Accounts,
        calls::{self, Ring, Rung},
        forwarding, test_calls,
    },
    domain::{
        conversation::{CallRecord, CallSid, CallState, Direction, Outcome},
        id::{CallId, OutgoingId, TenantId},
        money::MicroUsd,
        org::Number,
        outgoing::{Cause, Channel, Ending, Kind, Outgoing, OutgoingState},
        phrases,
        time::Timestamp,
    },
    platform::{ids, metrics as figures},
    store::{Ended, NewCall, Store, TenantTx},
    telephony::{self, rest::calls::Progress, twiml},
};

/// Twilio has the call and calls it `sid`. Told twice, or by several, it is noted once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn placed(
    store: &Store,
    tenant: &TenantId,
    one: &Outgoing,
    sid: &CallSid,
    now: Timestamp,
) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await?;
    keep(&mut tx, one, sid, now).await?;
    Ok(tx.commit().await?)
}

/// Notes under which name Twilio has a call; whether that is its name.
async fn keep(tx: &mut TenantTx, one: &Outgoing, sid: &CallSid, now: Timestamp) -> Result<bool, Error> {
    let call = CallId::of(ids::fresh(now));
    let check = now.plus_millis(dialling::CHECK_AFTER_MS);
    if !tx.outgoing().placed(&one.id, sid, &call, check).await? {
        let kept = tx.outgoing().get(&one.id).await?;
        let same = kept.is_some_and(|kept| kept.sid.as_ref() == Some(sid));
        if !same {
            error!(outgoing.id = %one.id, "Twilio has a second call for one attempt");
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "calls_per_attempt").increment(1);
        }
        return Ok(same);
    }
    let from = tx.numbers().revised(&one.number).await?.ok_or(Error::NotFound("number"))?;
    let new = NewCall {
        id: call,
        sid: sid.clone(),
        account_sid: one.account_sid.clone().unwrap_or_default(),
        number: one.number.clone(),
        assistant: one.assistant.clone(),
        from: Some(from.item.number.number),
        to: one.to.clone(),
        attested: false,
        direction: Direction::Outbound,
    };
    if matches!(one.kind, Kind::Test | Kind::Forwarding) {
        tx.calls().ring_test(&new, None, now).await?;
    } else {
        tx.calls().ring(&new, now).await?;
    }
    Ok(true)
}

/// Somebody has answered a call of ours: who speaks to them, and about what.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn answered(store: &Store, now: Timestamp, id: &OutgoingId, ring: &Ring) -> Result<Rung, Error> {
    let Some(tenant) = store.across_tenants().outgoing(id).await? else { return Ok(Rung::UnknownNumber) };
    let mut tx = store.begin(&tenant).await?;
    let Some(one) = tx.outgoing().get(id).await? else { return Ok(Rung::UnknownNumber) };
    let held = tx.numbers().revised(&one.number).await?.ok_or(Error::NotFound("number"))?.item;
    let ours = ring.to == one.to && ring.from.as_ref() == Some(&held.number.number);
    let live = matches!(one.state, OutgoingState::Dialling | OutgoingState::Placed);
    if !ours || !live || !keep(&mut tx, &one, &ring.sid, now).await? {
        warn!(outgoing.id = %id, state = one.state.as_str(), "a call was answered that nobody here made");
        return Ok(Rung::UnknownNumber);
    }
    // Said meanwhile, it counts: the person hears nothing more of us.
    if tx.opt_outs().of(&one.to).await?.is_some() {
        tx.commit().await?;
        return Ok(Rung::UnknownNumber);
    }
    let business = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let record = tx.calls().by_sid(&ring.sid).await?.ok_or(Error::NotFound("call"))?;
    if one.kind == Kind::Forwarding {
        // Somebody took it where it was to be sent on.
        forwarding::end(&mut tx, &record, now).await?;
        tx.commit().await?;
        return Ok(Rung::ForwardingTest { tenant, call: record.id, language: one.language });
    }
    if one.kind == Kind::Test {
        let number = Number { language: one.language, ..held.number };
        let answer = test_calls::answered(&mut tx, business, number, record).await?;
        tx.commit().await?;
        return Ok(Rung::Answer(Box::new(answer)));
    }
    let contact = match &one.contact {
        Some(contact) => tx.contacts().get(contact).await?,
        None => None,
    };
    let appointment = match &one.appointment {
        Some(appointment) => tx.appointments().get(appointment).await?,
        None => None,
    };
    let upcoming = match &one.contact {
        Some(contact) => tx.appointments().upcoming(contact, now).await?,
        None => Vec::new(),
    };
    let name = match &one.cause {
        Some(Cause::Campaign(_, entry)) => tx.campaigns().entry(entry).await?.map(|entry| entry.name),
        Some(Cause::Offer(..)) | None => None,
    };
    let name = name.filter(|name| !name.is_empty());
    let offer = match &one.cause {
        Some(Cause::Offer(offer, _)) => tx.waiting().offer(offer).await?,
        Some(Cause::Campaign(..)) | None => None,
    };
    if let Some((_, _, hold)) = offers::kept_for(&mut tx, &one).await? {
        // The call has the time to itself while they talk.
        tx.waiting().keep(&hold, Some(&record.id), now.plus_minutes(offers::TALK_MINUTES)).await?;
    }
    let offer = offer.map(|offer| (offer.service, offer.start));
    let mut number = held.number;
    number.language = one.language;
    let mut answer = calls::answer(&mut tx, business, number, record, false).await?;
    tx.commit().await?;
    answer.errand = Some(Errand { outgoing: one, contact, name, appointment, offer, upcoming });
    Ok(Rung::Answer(Box::new(answer)))
}

/// Twilio tells how a call of ours goes on, or was asked. Returns which call ended by it without anybody who spoke, and how.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn told(
    store: &Store,
    tenant: &TenantId,
    id: &OutgoingId,
    sid: &CallSid,
    progress: Progress,
    now: Timestamp,
) -> Result<Option<(CallId, Outcome)>, Error> {
    let mut tx = store.begin(tenant).await?;
    let Some(one) = tx.outgoing().get(id).await? else { return Ok(None) };
    // It may be told before Twilio's answer to the request has arrived.
    let known = one.sid.as_ref() == Some(sid)
        || (one.state == OutgoingState::Dialling && keep(&mut tx, &one, sid, now).await?);
    if !known {
        return Ok(None);
    }
    let mut unheard = None;
    let record = tx.calls().by_sid(sid).await?;
    let ending = match progress {
        Progress::Ringing => None,
        Progress::InProgress => {
            if let Some(record) = &record {
                tx.calls().advance(&record.id, CallState::InProgress, now).await?;
            }
            None
        }
        Progress::Completed => {
            if let Some(record) = &record {
                tx.calls().advance(&record.id, CallState::Completed, now).await?;
            }
            Some(Ending::Answered)
        }
        Progress::Busy => Some(Ending::Busy),
        Progress::NoAnswer => Some(Ending::NoAnswer),
        Progress::Failed => Some(Ending::Failed),
        Progress::Cancelled => Some(Ending::Cancelled),
    };
    if let Some(ending) = ending {
        if let Some(record) = &record
            && progress != Progress::Completed
            && record.outcome.is_none()
        {
            let outcome = if one.kind == Kind::Forwarding {
                forwarding::end(&mut tx, record, now).await?;
                Outcome::ForwardingTest
            } else {
                unreached(&mut tx, record, now).await?;
                Outcome::NotReached
            };
            unheard = Some((record.id.clone(), outcome));
        }
        over(&mut tx, &one, ending, now).await?;
    }
    tx.commit().await?;
    Ok(unheard)
}

/// Nobody answered: that is how the call ended, unless it is known to have ended otherwise.
async fn unreached(tx: &mut TenantTx, record: &CallRecord, now: Timestamp) -> Result<(), Error> {
    if tx.calls().advance(&record.id, CallState::Failed, now).await? && record.outcome.is_none() {
        let ended = Ended {
            outcome: Outcome::NotReached,
            at: now,
            cost: MicroUsd::default(),
            recording: None,
            consent: None,
            stream: None,
        };
        tx.calls().finish(&record.id, &ended).await?;
        counter!(figures::CALLS_TOTAL, "outcome" => Outcome::NotReached.as_str()).increment(1);
    }
    Ok(())
}

/// An attempt is over; what follows from that is planned in the same transaction.
async fn over(tx: &mut TenantTx, one: &Outgoing, ending: Ending, now: Timestamp) -> Result<(), Error> {
    // A machine that answered is no person that did.
    let ending = if one.ended == Some(Ending::Machine) { Ending::Machine } else { ending };
    if tx.outgoing().end(&one.id, OutgoingState::Over, ending, now, None).await? {
        counter!(figures::OUTGOING_TOTAL, "ending" => ending.as_str()).increment(1);
        info!(outgoing.id = %one.id, ending = ending.as_str(), "a call of ours is over");
        super::follow(tx, one, ending, now).await?;
    }
    Ok(())
}

/// The call has been carried to its end here: how it is to be remembered, which need not wait for Twilio to tell.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn finished(
    tx: &mut TenantTx,
    record: &CallRecord,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Outcome, Error> {
    if record.direction != Direction::Outbound {
        return Ok(outcome);
    }
    let Some(one) = tx.outgoing().by_sid(&record.sid).await? else { return Ok(outcome) };
    over(tx, &one, Ending::Answered, now).await?;
    Ok(if one.ended == Some(Ending::Machine) { Outcome::Machine } else { outcome })
}

/// What was found to have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// A person, or nobody can tell.
    Person,
    /// A machine whose greeting is over: it listens.
    Machine,
    /// A machine that does not listen to words.
    Fax,
}

impl AnsweredBy {
    /// What Twilio's word means.
    pub fn of(word: &str) -> Self {
        match word {
            "fax" => Self::Fax,
            word if word.starts_with("machine") => Self::Machine,
            _ => Self::Person,
        }
    }
}

/// Twilio tells what has answered. A machine is left a message that anybody may hear, or none, and the call ends.
///
/// # Errors
/// [`Error::Unavailable`] when the database or Twilio is away.
pub async fn machine(
    store: &Store,
    accounts: &Accounts,
    settings: &telephony::Settings,
    id: &OutgoingId,
    sid: &CallSid,
    answered_by: AnsweredBy,
) -> Result<(), Error> {
    if answered_by == AnsweredBy::Person {
        return Ok(());
    }
    let Some(tenant) = store.across_tenants().outgoing(id).await? else { return Ok(()) };
    let mut tx = store.begin(&tenant).await?;
    let Some(one) = tx.outgoing().get(id).await? else { return Ok(()) };
    if one.sid.as_ref() != Some(sid) || one.channel != Channel::Call || !tx.outgoing().machine(id).await? {
        return Ok(());
    }
    let voicemail = tx.outgoing().settings().await?.item.voicemail && one.kind != Kind::Forwarding;
    let wanted = voicemail && answered_by == AnsweredBy::Machine;
    let business = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    tx.commit().await?;
    info!(outgoing.id = %id, "a machine has answered");
    let who = accounts.credentials(&tenant, one.account_sid.as_deref().unwrap_or_default()).await?;
    if wanted {
        let words = phrases::left_with_machine(&business.name, one.language);
        let document = twiml::machine(settings, one.language, &words);
        accounts.rest().redirect(&who, sid, &document).await?;
    } else {
        accounts.rest().hang_up(&who, sid).await?;
    }
    Ok(())
}
