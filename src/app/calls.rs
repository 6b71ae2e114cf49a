//! The record of a call: from the ring to what it cost.
//!
//! A call is told apart by Twilio's name for it, so the same webhook twice is the same call. States only move
//! forward, whatever order the news comes in. Nothing here decides about the conversation.

use std::fmt;

use super::{
    Error,
    access::Actor,
    audit, forwarding,
    outgoing::{Errand, news},
    pauses::{self, SteppedBack},
    receptions::{self, Received},
    transfers,
    webhooks::{self, Event},
};
use crate::{
    domain::{
        assistant::{Assistant, Language},
        booking::{Appointment, Service},
        cards,
        conversation::{CallRecord, CallSid, CallState, Direction, Outcome, Turn},
        id::{CallId, JobId, ServiceId, TenantId},
        import::{Import, ImportedTurn},
        money::MicroUsd,
        org::{Number, Tenant},
        people::{Subject, Verb},
        phone::E164,
        phrases::Phrase,
        quality::Measures,
        remarks::Remarks,
        revision::Revised,
        time::Timestamp,
        transfer::{Transfer, TransferTarget},
    },
    platform::ids,
    store::{
        CallFilter, Consent, Ended, Message, NewCall, Page, Place, Store, Summarised, Taped, TenantTx,
        ToolCall, Work,
    },
};

/// Calls closed as lost in one go.
pub const LOST_AT_ONCE_MAX: u32 = 500;

/// A telephone that rings. It carries numbers, so it has no `Debug`.
#[derive(Clone)]
pub struct Ring {
    /// Twilio's name for the call.
    pub sid: CallSid,
    /// The Twilio account it comes from.
    pub account_sid: String,
    /// Who calls, when the network says so.
    pub from: Option<E164>,
    /// The number that is called.
    pub to: E164,
    /// Whether the network vouches for the calling number (STIR/SHAKEN level A).
    pub attested: bool,
    /// The number that has sent the call on to ours, when the network says so.
    pub forwarded: Option<E164>,
}

/// Whose telephone rings, and who is to answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The business.
    pub tenant: Tenant,
    /// The number that is called.
    pub number: Number,
    /// Who answers.
    pub assistant: Assistant,
    /// What it may book.
    pub services: Vec<Service>,
    /// The call as it is kept.
    pub record: CallRecord,
    /// Of which of these a time that becomes free is offered to who waits.
    pub waited_for: Vec<ServiceId>,
    /// To whom it may pass the caller on.
    pub targets: Vec<TransferTarget>,
    /// Whether this call has rung before.
    pub duplicate: bool,
    /// What is known of the call so far, when the caller is back from being passed on.
    pub back: Option<Back>,
    /// What it is about, when it is we who call.
    pub errand: Option<Errand>,
}

/// A caller who is back from being passed on. `Debug` shows no words.
#[derive(Clone)]
pub struct Back {
    /// Which of the call's media streams begins, from 0.
    pub stream: u32,
    /// What the caller hears first.
    pub phrase: Phrase,
    /// What the model is told.
    pub facts: String,
    /// How long the call has lasted, in milliseconds.
    pub elapsed_ms: u64,
}

impl fmt::Debug for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Back").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// What became of a ring.
#[derive(Clone, Debug)]
pub enum Rung {
    /// Somebody here answers it.
    Answer(Box<Answer>),
    /// The assistant has stepped back, or this caller is always put through.
    SteppedBack(Box<SteppedBack>),
    /// Whoever calls is blocked: they hear a sentence.
    Blocked {
        /// The call.
        call: CallId,
        /// The language of the number.
        language: Language,
    },
    /// A line of the business's was rung to see whether it is forwarded here: the call came back, or somebody took it there.
    ForwardingTest {
        /// Whose line.
        tenant: TenantId,
        /// The call.
        call: CallId,
        /// The language of the number.
        language: Language,
    },
    /// Nobody here has that number, or answers it. Nothing is kept of it.
    UnknownNumber,
}

/// How a call ended and what was said in it.
#[derive(Clone, Debug)]
pub struct Finished {
    /// In one word.
    pub outcome: Outcome,
    /// When its media stream began, if it did.
    pub answered: Option<Timestamp>,
    /// When.
    pub ended: Timestamp,
    /// What the engine cost.
    pub cost: MicroUsd,
    /// What was said, in order; empty when the assistant keeps no transcripts.
    pub turns: Vec<Turn>,
    /// The recording, if there is one.
    pub recording: Option<Taped>,
    /// The caller's yes to being recorded, with what had been asked.
    pub consent: Option<(Timestamp, String)>,
    /// Which of the call's media streams it was, from 0.
    pub stream: u32,
    /// How it went, in figures.
    pub measures: Option<Measures>,
}

impl Finished {
    /// The end of a call whose media stream never came.
    pub fn without_words(outcome: Outcome, ended: Timestamp) -> Self {
        Self {
            outcome,
            answered: None,
            ended,
            cost: MicroUsd::default(),
            turns: Vec::new(),
            recording: None,
            consent: None,
            stream: 0,
            measures: None,
        }
    }
}

/// Everything that is kept of a call. `Debug` shows no words.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The call itself.
    pub record: CallRecord,
    /// What was said.
    pub turns: Vec<Turn>,
    /// What the model asked for.
    pub tool_calls: Vec<ToolCall>,
    /// What was held and booked in it.
    pub appointments: Vec<Appointment>,
    /// What was left for the business.
    pub messages: Vec<Message>,
    /// The caller's yes to being recorded.
    pub consent: Option<Consent>,
    /// When the caller was passed on.
    pub transfers: Vec<Transfer>,
    /// What is known of the recording.
    pub taped: Option<Taped>,
    /// What the team has written on it.
    pub remarks: Revised<Remarks>,
    /// How it went, in figures.
    pub measures: Option<Measures>,
    /// What it came to.
    pub summary: Option<Summarised>,
    /// What Twilio wrote down of it, or is to.
    pub import: Option<(Import, Vec<ImportedTurn>)>,
}

/// Keeps a call that rings and finds who answers it. The same call again is the same call.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away; [`Error::Conflict`] when the call is another tenant's.
pub async fn ring(store: &Store, now: Timestamp, ring: Ring) -> Result<Rung, Error> {
    let Some((tenant, held)) = store.across_tenants().number(&ring.to).await? else {
        return Ok(Rung::UnknownNumber);
    };
    let number = held.number;
    // A number at which nobody answers is as good as none.
    let Some(answers) = number.assistant.clone() else { return Ok(Rung::UnknownNumber) };
    let mut tx = store.begin(&tenant.id).await?;
    let new = tx
        .calls()
        .ring(
            &NewCall {
                id: CallId::of(ids::fresh(now)),
                sid: ring.sid.clone(),
                account_sid: ring.account_sid,
                number: number.id.clone(),
                assistant: answers,
                from: ring.from,
                to: ring.to,
                attested: ring.attested,
                direction: Direction::Inbound,
            },
            now,
        )
        .await?;
    let record = tx.calls().by_sid(&ring.sid).await?;
    let record = record.ok_or(Error::Conflict("that call rings at another number"))?;
    let forwarded = ring.forwarded.as_ref();
    if forwarding::arrives(&mut tx, now, &record, &number, forwarded).await? {
        tx.commit().await?;
        return Ok(Rung::ForwardingTest { tenant: tenant.id, call: record.id, language: number.language });
    }
    if let Some(received) = receptions::obey(&mut tx, now, &number, &record, forwarded, new).await? {
        tx.commit().await?;
        return Ok(match received {
            Received::Blocked => Rung::Blocked { call: record.id, language: number.language },
            Received::PutThrough(stepped) => Rung::SteppedBack(stepped),
        });
    }
    if let Some(stepped) = pauses::obey(&mut tx, now, &number, &record, forwarded).await? {
        tx.commit().await?;
        return Ok(Rung::SteppedBack(Box::new(stepped)));
    }
    let answer = answer(&mut tx, tenant, number, record, !new).await?;
    tx.commit().await?;
    Ok(Rung::Answer(Box::new(answer)))
}

/// Who answers a call whose caller is back from being passed on; `None` when nobody does any more.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn again(
    store: &Store,
    tenant: &TenantId,
    record: &CallRecord,
    back: Back,
) -> Result<Option<Answer>, Error> {
    let Some((owner, number)) = number_of(store, record).await? else { return Ok(None) };
    if owner.id != *tenant {
        return Ok(None);
    }
    let mut tx = store.read(tenant).await?;
    let mut answer = answer(&mut tx, owner, number, record.clone(), true).await?;
    // What is recorded ended when the caller was passed on.
    answer.assistant.recording = false;
    answer.back = Some(back);
    Ok(Some(answer))
}

/// The language a call is held in: that of the number.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn language(store: &Store, record: &CallRecord) -> Result<Language, Error> {
    Ok(number_of(store, record).await?.map_or(Language::English, |(_, number)| number.language))
}

/// The number of ours that a call is at: the called one, or the calling one when it was we who called.
async fn number_of(store: &Store, record: &CallRecord) -> Result<Option<(Tenant, Number)>, Error> {
    for number in [Some(&record.to), record.from.as_ref()].into_iter().flatten() {
        if let Some((tenant, held)) = store.across_tenants().number(number).await? {
            return Ok(Some((tenant, held.number)));
        }
    }
    Ok(None)
}

/// Who speaks in a call, and with what.
pub(super) async fn answer(
    tx: &mut TenantTx,
    tenant: Tenant,
    number: Number,
    record: CallRecord,
    duplicate: bool,
) -> Result<Answer, Error> {
    let assistant = tx.assistants().get(&record.assistant).await?.ok_or(Error::NotFound("assistant"))?;
    let mut services = Vec::with_capacity(assistant.services.len());
    for id in &assistant.services {
        services.extend(tx.services().get(id).await?.filter(|service| service.active));
    }
    let mut targets = tx.transfer_targets().of_assistant(&assistant.id).await?;
    targets.retain(|target| target.active);
    let waited_for = tx.waiting().rules().await?.into_iter().map(|(service, _)| service).collect();
    Ok(Answer {
        tenant,
        number,
        assistant,
        services,
        waited_for,
        targets,
        record,
        duplicate,
        back: None,
        errand: None,
    })
}

/// Notes that a call's media stream runs.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn answered(store: &Store, tenant: &TenantId, call: &CallId, now: Timestamp) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await?;
    begin(&mut tx, call, now).await?;
    Ok(tx.commit().await?)
}

/// Notes that a call was not taken: a limit was reached.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn refused(store: &Store, tenant: &TenantId, call: &CallId, now: Timestamp) -> Result<(), Error> {
    let ended = Ended {
        outcome: Outcome::Refused,
        at: now,
        cost: MicroUsd::default(),
        recording: None,
        consent: None,
        stream: None,
    };
    let mut tx = store.begin(tenant).await?;
    let before = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    tx.calls().advance(call, CallState::Failed, now).await?;
    tx.calls().finish(call, &ended).await?;
    tell_ended(&mut tx, &before, now).await?;
    Ok(tx.commit().await?)
}

/// Keeps how a call ended and what was said, and has its recording archived. Told twice, the first telling of each
/// turn stays.
///
/// # Errors
/// [`Error::NotFound`] when there is no such call; [`Error::Unavailable`] when the database is away.
pub async fn finished(
    store: &Store,
    tenant: &TenantId,
    call: &CallId,
    finished: &Finished,
) -> Result<(), Error> {
    let at = finished.ended;
    // Whoever tells it has blanked them; nothing is kept on trust.
    let mut turns = finished.turns.clone();
    cards::blank(&mut turns);
    let mut ended = Ended {
        outcome: finished.outcome,
        at,
        cost: finished.cost,
        recording: finished.recording.as_ref().map(|taped| taped.blob.clone()),
        consent: finished.consent.clone().map(|(at, wording)| Consent { at, wording }),
        stream: Some(finished.stream),
    };
    let mut tx = store.begin(tenant).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    // What is said on a later stream of a call stands behind what was said on those before it.
    let ordinals = tx.calls().ordinals_before(call, finished.stream).await?;
    let Some(ordinals) = ordinals else { return Ok(()) };
    let turns: Vec<Turn> = turns.into_iter().map(|turn| shifted(turn, ordinals)).collect();
    // That it was answered may be told only now, when the call was over in no time.
    if let Some(answered) = finished.answered {
        begin(&mut tx, call, answered).await?;
    }
    let answered = finished.answered.or(record.answered).is_some();
    let state = if answered { CallState::Completed } else { CallState::Failed };
    if finished.outcome == Outcome::Transferred {
        // The caller is being passed on: how the call ends is not known yet.
        tx.calls().part(call, &ended).await?;
    } else {
        tx.calls().advance(call, state, at).await?;
        ended.outcome = news::finished(&mut tx, &record, ended.outcome, at).await?;
        tx.calls().finish(call, &ended).await?;
        tell_ended(&mut tx, &record, at).await?;
    }
    tx.calls().add_turns(call, &turns).await?;
    if let Some(measures) = &finished.measures {
        let before = if finished.stream == 0 { None } else { tx.calls().measures(call).await? };
        let all = before.map_or_else(|| measures.clone(), |before| before.and(measures));
        tx.calls().set_measures(call, &all).await?;
    }
    tx.appointments().release_of_call(call).await?;
    match &finished.recording {
        Some(taped) => tx.recordings().put(call, taped).await?,
        // It was begun, and nothing came of it.
        None if finished.stream == 0 => {
            tx.recordings().forget(call).await?;
            tx.calls().set_recording(call, None).await?;
        }
        None => {}
    }
    if ended.recording.is_some() {
        let work = Work::ArchiveRecording { call: call.clone() };
        tx.jobs().add(&JobId::of(ids::fresh(at)), &work, at).await?;
    }
    if finished.outcome != Outcome::Transferred && !finished.turns.is_empty() {
        let work = Work::SummariseCall { call: call.clone() };
        tx.jobs().add(&JobId::of(ids::fresh(at)), &work, at).await?;
    }
    Ok(tx.commit().await?)
}

/// Closes calls that rang by `rang` and whose end nobody has told as lost, at most [`LOST_AT_ONCE_MAX`]; how many.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away; those closed before stay closed.
pub async fn close_lost(store: &Store, rang: Timestamp, now: Timestamp) -> Result<u64, Error> {
    let mut closed = 0;
    for (tenant, call) in store.across_tenants().lost_calls(rang, LOST_AT_ONCE_MAX).await? {
        let mut tx = store.begin(&tenant).await?;
        let Some(before) = tx.calls().get(&call).await? else { continue };
        if tx.calls().close_lost(&call, now).await? {
            tell_ended(&mut tx, &before, now).await?;
            tx.commit().await?;
            closed += 1;
        }
    }
    Ok(closed)
}

/// Moves a call forward as Twilio tells. News that come late, or of a call nobody here knows, change nothing.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn status(store: &Store, now: Timestamp, sid: &CallSid, state: CallState) -> Result<(), Error> {
    match store.across_tenants().call(sid).await? {
        Some((tenant, call)) => {
            let mut tx = store.begin(&tenant).await?;
            if state == CallState::InProgress {
                begin(&mut tx, &call, now).await?;
            } else {
                tx.calls().advance(&call, state, now).await?;
            }
            if matches!(state, CallState::Completed | CallState::Failed) {
                transfers::caller_gone(&mut tx, &call, now).await?;
                pauses::over(&mut tx, &call, now).await?;
                receptions::over(&mut tx, &call, now).await?;
            }
            Ok(tx.commit().await?)
        }
        None => Ok(()),
    }
}

/// Everything that is kept of a call.
///
/// # Errors
/// [`Error::NotFound`] when the tenant has no such call; [`Error::Unavailable`] when the database is away.
pub async fn load(store: &Store, tenant: &TenantId, call: &CallId) -> Result<Kept, Error> {
    let mut tx = store.read(tenant).await?;
    let import = match tx.imports().get(call).await? {
        Some(import) => Some((import, tx.imports().turns(call).await?)),
        None => None,
    };
    Ok(Kept {
        record: tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?,
        turns: tx.calls().turns(call).await?,
        tool_calls: tx.tool_calls().of_call(call).await?,
        appointments: tx.appointments().of_call(call).await?,
        messages: tx.messages().of_call(call).await?,
        consent: tx.calls().consent(call).await?,
        transfers: tx.transfers().of_call(call).await?,
        taped: tx.recordings().get(call).await?,
        remarks: tx.calls().remarks(call).await?.ok_or(Error::NotFound("call"))?,
        measures: tx.calls().measures(call).await?,
        summary: tx.summaries().get(call).await?,
        import,
    })
}

/// The calls that fit, latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    filter: &CallFilter,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<CallRecord>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    Ok(store.read(by.tenant()).await?.calls().page(filter, after, count_max).await?)
}

/// The calls on either side of that one among those that fit: the one that rang before it, and the one after.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn beside(
    store: &Store,
    by: &Actor,
    filter: &CallFilter,
    call: &CallRecord,
) -> Result<(Option<CallId>, Option<CallId>), Error> {
    by.must(Verb::Read, Subject::Calls)?;
    Ok(store.read(by.tenant()).await?.calls().beside(filter, call).await?)
}

/// Everything that is kept of a call, for somebody who asks.
///
/// # Errors
/// [`Error::Forbidden`]; otherwise as [`load`].
pub async fn show(store: &Store, by: &Actor, call: &CallId) -> Result<Kept, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    load(store, by.tenant(), call).await
}

/// Whether somebody may watch all calls, or that one; how that one ended, when it is over and its record is kept.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn may_watch(store: &Store, by: &Actor, call: Option<&CallId>) -> Result<Option<Outcome>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let Some(call) = call else { return Ok(None) };
    let record = store.read(by.tenant()).await?.calls().get(call).await?;
    Ok(record.ok_or(Error::NotFound("call"))?.outcome)
}

/// Tells that a call is to be ended, which whoever carries it then does: what cannot be told does not happen. `in_air` says
/// whether it is carried here.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is over, or not carried here;
/// [`Error::Unavailable`].
pub async fn end(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    in_air: bool,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    if !in_air {
        return Err(Error::Conflict("that call is not in the air"));
    }
    audit::tell(&mut tx, by, now, "call.dismissed", call.as_str(), serde_json::json!({})).await?;
    Ok(tx.commit().await?)
}

/// Whether somebody may listen in on a call: the right is theirs, the tenant has it turned on, and there is such a call.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when the tenant has it turned off; [`Error::Unavailable`].
pub async fn may_listen(store: &Store, by: &Actor, call: &CallId) -> Result<(), Error> {
    let mut tx = store.read(by.tenant()).await?;
    tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    by.must(Verb::Read, Subject::Listening)?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    if tenant.listening_in { Ok(()) } else { Err(Error::Conflict("listening in is turned off")) }
}

/// Tells that somebody begins to listen to a call, or has stopped. What cannot be told does not begin.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn listens(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    begins: bool,
) -> Result<(), Error> {
    let mut tx = store.begin(by.tenant()).await?;
    let action = if begins { "call.listened_to" } else { "call.listening_over" };
    audit::tell(&mut tx, by, now, action, call.as_str(), serde_json::json!({})).await?;
    Ok(tx.commit().await?)
}

fn shifted(turn: Turn, ordinals: u32) -> Turn {
    Turn { ordinal: turn.ordinal.saturating_add(ordinals), ..turn }
}

/// Notes that a call is being answered, and tells the tenant's programs, once.
async fn begin(tx: &mut TenantTx, call: &CallId, at: Timestamp) -> Result<(), Error> {
    if tx.calls().advance(call, CallState::InProgress, at).await?
        && let Some(begun) = tx.calls().get(call).await?
        && begun.test.is_none()
    {
        webhooks::tell(tx, at, Event::CallStarted(&begun)).await?;
    }
    Ok(())
}

/// Tells the tenant's programs that a call is over, once: when nobody had said so `before`. What a test call made goes
/// with it instead.
pub(super) async fn tell_ended(tx: &mut TenantTx, before: &CallRecord, at: Timestamp) -> Result<(), Error> {
    if before.outcome.is_none()
        && let Some(ended) = tx.calls().get(&before.id).await?
    {
        if ended.leaves_nothing() {
            tx.calls().unmake(&ended.id, ended.rang).await?;
        }
        if ended.test.is_none() {
            webhooks::tell(tx, at, Event::CallEnded(&ended)).await?;
        }
    }
    Ok(())
}

/// What somebody at the business does with a call in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// Puts the caller on hold.
    Hold,
    /// Takes the caller back.
    Resume,
    /// Silences the agent.
    Mute,
    /// Lets it speak again.
    Unmute,
}

/// Tells that somebody does that with a call, which whoever carries it then does: what cannot be told does not happen.
/// `in_air` says whether it is carried here.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is over, or not carried here;
/// [`Error::Unavailable`].
pub async fn steer(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    steer: Steer,
    in_air: bool,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    if !in_air {
        return Err(Error::Conflict("that call is not in the air"));
    }
    let action = match steer {
        Steer::Hold => "call.held",
        Steer::Resume => "call.resumed",
        Steer::Mute => "call.muted",
        Steer::Unmute => "call.unmuted",
    };
    audit::tell(&mut tx, by, now, action, call.as_str(), serde_json::json!({})).await?;
    Ok(tx.commit().await?)
}
