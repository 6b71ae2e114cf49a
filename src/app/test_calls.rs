//! Test calls: somebody who sets up an assistant talks to it, in a browser or at her own telephone.
//!
//! A test call is a call like every other, answered by the same engine with the same tools; in a browser it is on a line that has
//! no number and no telephone at its end. It hears the assistant's draft, if there is one. What it makes (appointments,
//! messages, people it is told of) goes when it is over, unless somebody says that it is to stay; until then nothing
//! of it is written into calendars outside or told to anybody's programs, and it changes nothing it did not make.

use serde_json::json;

use super::{
    Error,
    access::{Actor, Who},
    audit, bookings,
    calls::Answer,
    outgoing, transfers,
    webhooks::{self, Event},
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language},
        conversation::{CallRecord, CallSid, Direction},
        id::{AssistantId, CallId, NumberId},
        org::{Number, Tenant},
        outgoing::{Kind, Outgoing, hours, number},
        people::{Scope, Subject, Verb},
        time::Timestamp,
        tool::ToolName,
    },
    platform::ids,
    store::{NewCall, Store, TenantTx},
};

/// In whose name a browser's line begins: it is at no carrier's.
pub const BROWSER: &str = "browser";
/// The longest a test call may last, in milliseconds.
pub const TEST_MS_MAX: u64 = 10 * 60_000;
/// How long a telephone that is to be rung for a test is still worth ringing, in minutes.
pub const CALL_ME_MINUTES: i64 = 2;
/// What such a call is for, where calls of the tenant's are listed.
const PURPOSE: &str = "Test call";

/// Keeps that a test call of an assistant begins, in a language of its; who answers it: the draft, if there is one.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when the assistant was put away or does not speak
/// that language; [`Error::Unavailable`] when the database is away.
pub async fn begin(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    assistant: &AssistantId,
    language: Option<Language>,
) -> Result<Answer, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let live = tx.assistants().get(assistant).await?.ok_or(Error::NotFound("assistant"))?;
    let draft = tx.assistants().draft(assistant).await?;
    let (draft, wanted) = draft.map_or((None, live), |draft| (Some(draft.number), draft.assistant));
    if wanted.status == AssistantStatus::Archived {
        return Err(Error::Conflict("that assistant is put away"));
    }
    let language = language.unwrap_or(wanted.language);
    if !wanted.opening.contains_key(&language) {
        return Err(Error::Conflict("that assistant does not speak that language"));
    }
    let (line, number) = tx.calls().line(NumberId::of(ids::fresh(now))).await?;
    let sid: CallSid = sid().parse().map_err(|error| Error::Internal(Box::new(error)))?;
    let call = CallId::of(ids::fresh(now));
    let new = NewCall {
        id: call.clone(),
        sid,
        account_sid: BROWSER.to_owned(),
        number: line.clone(),
        assistant: assistant.clone(),
        from: None,
        to: number.clone(),
        attested: false,
        direction: Direction::Inbound,
    };
    tx.calls().ring_test(&new, draft, now).await?;
    let record = tx.calls().get(&call).await?.ok_or(Error::NotFound("call"))?;
    audit::tell(&mut tx, by, now, "call.tested", call.as_str(), json!({ "assistant": assistant.as_str() }))
        .await?;
    let number = Number { id: line, number, assistant: Some(assistant.clone()), language };
    let answer = answer(&mut tx, tenant, number, record, wanted).await?;
    tx.commit().await?;
    Ok(answer)
}

/// How somebody tries an assistant out at her own telephone. It carries a number, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct CallMe<'w> {
    /// Where she is rung, as people write it; the number that is kept for her, when that is not said.
    pub telephone: Option<&'w str>,
    /// Whether that number is kept for the next time.
    pub keep: bool,
}

/// Writes down that whoever asks is to be rung at her own telephone by an assistant she tries out: a call of the tenant's like
/// every other, by the same rules, of which nothing stays as of every test call. It is dialled by somebody else, at once or not
/// at all.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Closed`] to programs; [`Error::NotFound`]; [`Error::Invalid`], also for numbers that are
/// never called; [`Error::Conflict`] when nobody may be called, or not at this time of day; [`Error::Unavailable`].
pub async fn call_me(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    assistant: &AssistantId,
    wanted: CallMe<'_>,
) -> Result<Outgoing, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    by.must(Verb::Write, Subject::Calls)?;
    if matches!(by.who(), Who::Support { .. }) {
        return Err(Error::Forbidden(Scope { subject: Subject::Listening, verb: Verb::Write }));
    }
    let user = by.user().ok_or(Error::Closed("a program has no telephone"))?;
    let mut tx = store.begin(by.tenant()).await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    tx.assistants().get(assistant).await?.ok_or(Error::NotFound("assistant"))?;
    let number = transfers::telephone(store, &mut tx, user, wanted.telephone, &tenant.zone).await?;
    let call = outgoing::Wanted {
        to: number.to_string(),
        assistant: assistant.clone(),
        number: None,
        language: None,
        purpose: PURPOSE.to_owned(),
        appointment: None,
        contact: None,
        zone: None,
        at: None,
    };
    let one = outgoing::check(store, &mut tx, now, &call).await.map_err(at_telephone)?;
    let settings = tx.outgoing().settings().await?.item;
    let country =
        number::country(&number).map_err(|error| Error::invalid("/telephone", error.to_string()))?;
    let zones = hours::zones(country, None, &tenant.zone);
    if hours::next_open(now, &zones, settings.from_min, settings.until_min) != Some(now) {
        return Err(Error::Conflict("nobody is called at this time of day"));
    }
    let one = Outgoing { kind: Kind::Test, expires: Some(now.plus_minutes(CALL_ME_MINUTES)), ..one };
    tx.outgoing().add(&one, None, &by.to_string()).await?;
    if wanted.keep {
        tx.memberships().set_telephone(user, &number).await?;
    }
    let about = json!({ "assistant": assistant.as_str(), "by": "telephone" });
    audit::tell(&mut tx, by, now, "call.tested", one.id.as_str(), about).await?;
    tx.commit().await?;
    Ok(one)
}

/// What is wrong with whom a call goes to is wrong with the telephone.
fn at_telephone(error: Error) -> Error {
    let Error::Invalid(mut faults) = error else { return error };
    for fault in &mut faults {
        if fault.pointer == "/to" {
            fault.pointer = "/telephone".to_owned();
        }
    }
    Error::Invalid(faults)
}

/// Who answers whoever wanted to be rung and has taken the call: the draft, if there is one.
pub(super) async fn answered(
    tx: &mut TenantTx,
    tenant: Tenant,
    number: Number,
    record: CallRecord,
) -> Result<Answer, Error> {
    let live = tx.assistants().get(&record.assistant).await?.ok_or(Error::NotFound("assistant"))?;
    let draft = tx.assistants().draft(&record.assistant).await?;
    let (draft, wanted) = draft.map_or((None, live), |draft| (Some(draft.number), draft.assistant));
    tx.calls().mark_test(&record.id, draft).await?;
    let record = tx.calls().get(&record.id).await?.ok_or(Error::NotFound("call"))?;
    answer(tx, tenant, number, record, wanted).await
}

async fn answer(
    tx: &mut TenantTx,
    tenant: Tenant,
    number: Number,
    record: CallRecord,
    wanted: Assistant,
) -> Result<Answer, Error> {
    let mut services = Vec::with_capacity(wanted.services.len());
    for id in &wanted.services {
        services.extend(tx.services().get(id).await?.filter(|service| service.active));
    }
    Ok(Answer {
        tenant,
        number,
        assistant: tried_out(wanted),
        services,
        record,
        waited_for: Vec::new(),
        targets: Vec::new(),
        duplicate: false,
        back: None,
        errand: None,
    })
}

/// Says that what a test call makes is to stay: from here on it is like any other call's.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is no test call, or is over;
/// [`Error::Unavailable`].
pub async fn keep(store: &Store, by: &Actor, now: Timestamp, call: &CallId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.begin(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    let Some(test) = record.test else { return Err(Error::Conflict("that is no test call")) };
    if test.kept.is_some() {
        return Ok(());
    }
    if !tx.calls().keep_test(call, now).await? {
        return Err(Error::Conflict("that test call is over, and what it made is gone"));
    }
    for appointment in tx.appointments().of_call(call).await? {
        if appointment.status.promised() {
            bookings::stand(&mut tx, appointment, now, &by.to_string()).await?;
        }
    }
    for message in tx.messages().of_call(call).await? {
        webhooks::tell(&mut tx, now, Event::MessageTaken(&message)).await?;
    }
    audit::tell(&mut tx, by, now, "call.kept", call.as_str(), json!({})).await?;
    Ok(tx.commit().await?)
}

/// The assistant as it is tried out: there is no line that could be passed on.
fn tried_out(mut assistant: Assistant) -> Assistant {
    assistant.tools.retain(|tool| *tool != ToolName::Transfer);
    assistant.transfers.clear();
    assistant.policy.max_duration_ms = assistant.policy.max_duration_ms.min(TEST_MS_MAX);
    assistant
}

/// A name for the call as the carrier would have given it one.
fn sid() -> String {
    format!("CA{}", &ids::token()[..32])
}
