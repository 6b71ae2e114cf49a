//! Calling somebody whose appointment cannot take place as it stands, so that it is moved.
//!
//! An attempt is written down like every other and dialled by [`dialling`](super::dialling), which asks the same rules
//! again; here they are asked beforehand, so that whoever decides learns at once whom the team must call itself.

use serde_json::json;

use crate::{
    app::{Error, access::Actor, audit},
    domain::{
        assistant::AssistantStatus,
        booking::Appointment,
        id::{AppointmentId, OutgoingId},
        org::Number,
        outgoing::{
            Channel, Ending, Kind, Origin, Outgoing, OutgoingState,
            rules::{self, Decision, Facts},
        },
        people::{Subject, Verb},
        phone::E164,
        revision::Revision,
        time::Timestamp,
    },
    platform::ids,
    store::{Store, TenantTx},
};

/// How often somebody is tried who is not reached.
pub const ATTEMPTS_MAX: u32 = 2;
/// How long before its start an appointment is called about at the latest, in minutes.
const LATEST_MINUTES: i64 = 15;

/// Why somebody is not called about their appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRung {
    /// No number of theirs is known.
    NoNumber,
    /// There is no number of ours at which an assistant answers, to call from.
    NobodyToCall,
    /// They are being called about it.
    UnderWay,
    /// The rules of calling out are against it.
    Rules(Ending),
}

impl NotRung {
    /// The word it is shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoNumber => "no_number",
            Self::NobodyToCall => "nobody_to_call",
            Self::UnderWay => "under_way",
            Self::Rules(ending) => ending.as_str(),
        }
    }
}

/// How somebody would be called about an appointment.
pub struct Plan {
    to: E164,
    from: Number,
    attempt: u32,
    at: Timestamp,
    expires: Timestamp,
}

/// How whoever has the appointment would be called so that it is moved, or why not.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(in crate::app) async fn plan(
    store: &Store,
    tx: &mut TenantTx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Result<Plan, NotRung>, Error> {
    let contact = match &appointment.contact {
        Some(contact) => tx.contacts().get(contact).await?,
        None => None,
    };
    let Some(to) = contact.and_then(|contact| contact.number) else { return Ok(Err(NotRung::NoNumber)) };
    let last = tx.outgoing().to_move(&appointment.id).await?;
    // What was said about an earlier start counts for nothing.
    let last = last.filter(|last| last.for_start == Some(appointment.time.start));
    let under_way = last.as_ref().is_some_and(|last| match last.state {
        OutgoingState::Waiting | OutgoingState::Dialling | OutgoingState::Placed => true,
        OutgoingState::Over | OutgoingState::Dropped => false,
    });
    if under_way {
        return Ok(Err(NotRung::UnderWay));
    }
    let Some(from) = number(tx).await? else { return Ok(Err(NotRung::NobodyToCall)) };
    let settings = tx.outgoing().settings().await?.item;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let nobody = OutgoingId::of(ids::fresh(now));
    let attempts = tx.outgoing().attempts(&to, now.plus_minutes(-rules::WEEK_MIN), &nobody).await?;
    let expires = appointment.time.start.plus_minutes(-LATEST_MINUTES);
    let facts = Facts {
        settings: &settings,
        to: &to,
        channel: Channel::Call,
        kind: Kind::Move,
        zone: None,
        tenant_zone: &zone,
        own_number: store.across_tenants().number(&to).await?.is_some(),
        opted_out: tx.opt_outs().of(&to).await?.is_some(),
        appointment_stands: appointment.status.promised() && appointment.time.start > now,
        attempts: &attempts,
        // Lines that are taken are free again in a minute.
        out: 0,
        expires: Some(expires),
    };
    let at = match rules::decide(&facts, now) {
        Decision::Now => now,
        Decision::Later(at) => at,
        Decision::Never(why) => return Ok(Err(NotRung::Rules(why))),
    };
    let attempt = last.map_or(1, |last| last.attempt.saturating_add(1));
    Ok(Ok(Plan { to, from, attempt, at, expires }))
}

/// The number such calls come from: the one reminders come from, or the first at which an assistant answers.
async fn number(tx: &mut TenantTx) -> Result<Option<Number>, Error> {
    let settings = tx.outgoing().settings().await?.item;
    let mut numbers = tx.numbers().all().await?;
    numbers.sort_by_key(|number| Some(&number.id) != settings.number.as_ref());
    for number in numbers {
        let Some(assistant) = &number.assistant else { continue };
        let live =
            tx.assistants().get(assistant).await?.is_some_and(|one| one.status == AssistantStatus::Live);
        if live {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Writes down that whoever has the appointment is to be called so that it is moved.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub(in crate::app) async fn ring(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AppointmentId,
    seen: Option<Revision>,
) -> Result<Result<Outgoing, NotRung>, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.outgoing().lock().await?;
    let standing = tx.appointments().revised(id).await?;
    let standing = standing.filter(|one| one.item.status.promised()).ok_or(Error::NotFound("appointment"))?;
    standing.must_be(seen)?;
    let standing = standing.item;
    let Plan { to, from, attempt, at, expires } = match plan(store, &mut tx, &standing, now).await? {
        Ok(plan) => plan,
        Err(why) => return Ok(Err(why)),
    };
    let Some(assistant) = from.assistant.clone() else { return Ok(Err(NotRung::NobodyToCall)) };
    let one = Outgoing {
        attempt,
        attempts_max: attempt.saturating_add(ATTEMPTS_MAX - 1),
        appointment: Some(standing.id.clone()),
        for_start: Some(standing.time.start),
        contact: standing.contact.clone(),
        due: at,
        expires: Some(expires),
        ..Outgoing::waiting(
            OutgoingId::of(ids::fresh(now)),
            Kind::Move,
            to,
            Origin { number: from.id, assistant, language: from.language },
            now,
        )
    };
    if !tx.outgoing().add(&one, None, &by.to_string()).await? {
        return Ok(Err(NotRung::UnderWay));
    }
    let about = json!({ "appointment": id.as_str(), "at": one.due.to_string() });
    audit::tell(&mut tx, by, now, "call.asked_for", one.id.as_str(), about).await?;
    tx.commit().await?;
    Ok(Ok(one))
}
