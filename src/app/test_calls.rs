//! Test calls: somebody who sets up an assistant talks to it in a browser.
//!
//! A test call is a call like every other, answered by the same engine with the same tools, on a line that has no
//! number and no telephone at its end. It hears the assistant's draft, if there is one. What it makes (appointments,
//! messages, people it is told of) goes when it is over, unless somebody says that it is to stay; until then nothing
//! of it is written into calendars outside or told to anybody's programs, and it changes nothing it did not make.

use serde_json::json;

use super::{
    Error,
    access::Actor,
    audit, bookings,
    calls::Answer,
    webhooks::{self, Event},
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language},
        conversation::{CallSid, Direction},
        id::{AssistantId, CallId, NumberId},
        org::Number,
        people::{Subject, Verb},
        time::Timestamp,
        tool::ToolName,
    },
    platform::ids,
    store::{NewCall, Store},
};

/// In whose name a browser's line begins: it is at no carrier's.
pub const BROWSER: &str = "browser";
/// The longest a test call may last, in milliseconds.
pub const TEST_MS_MAX: u64 = 10 * 60_000;

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
    let mut services = Vec::with_capacity(wanted.services.len());
    for id in &wanted.services {
        services.extend(tx.services().get(id).await?.filter(|service| service.active));
    }
    audit::tell(&mut tx, by, now, "call.tested", call.as_str(), json!({ "assistant": assistant.as_str() }))
        .await?;
    tx.commit().await?;
    Ok(Answer {
        tenant,
        number: Number { id: line, number, assistant: Some(assistant.clone()), language },
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
