//! Contacts who are blocked, or always put through: asked when a telephone rings, before anything costs money.
//!
//! Calls are known by their number: where several people have one, whoever must get through does, and one who is blocked blocks
//! it. Where nobody can be rung, the assistant answers as it does for everybody.

use super::{
    Error,
    access::Actor,
    audit::{self, Audited, Parts},
    calls,
    pauses::SteppedBack,
};
use crate::{
    domain::{
        conversation::{CallRecord, CallState, Outcome},
        id::{CallId, ContactId, TransferId, TransferTargetId},
        money::MicroUsd,
        org::Number,
        people::{Subject, Verb},
        phone::E164,
        reception::Reception,
        time::Timestamp,
        transfer::{Transfer, TransferState},
    },
    platform::ids,
    store::{Ended, Store, TenantTx},
};

/// Who puts such callers through, as it stands with transfers.
const BY: &str = "system:contact";

/// A reception under the contact it is told of in the log.
struct Told<'r>(&'r ContactId, &'r Reception);

impl Audited for Told<'_> {
    const KIND: &'static str = "contact";

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn parts(&self) -> Parts {
        let target = self.1.target().map(TransferTargetId::as_str);
        Parts::new().with("reception", self.1.as_str()).with("reception_target", target)
    }
}

/// What becomes of a call whose caller is not the assistant's.
#[derive(Clone, Debug)]
pub(super) enum Received {
    /// Nobody talks to them.
    Blocked,
    /// Somebody at the business is rung.
    PutThrough(Box<SteppedBack>),
}

/// How a contact's calls are received.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`] when the database is away.
pub async fn get(store: &Store, by: &Actor, id: &ContactId) -> Result<Reception, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.contacts().get(id).await?.ok_or(Error::NotFound("contact"))?;
    Ok(tx.receptions().get(id).await?)
}

/// Says how a contact's calls are received.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] when nobody could be rung; [`Error::Conflict`] when the contact
/// has no number; [`Error::Unavailable`].
pub async fn set(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ContactId,
    wanted: &Reception,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let mut tx = store.begin(by.tenant()).await?;
    let contact = tx.contacts().get(id).await?.ok_or(Error::NotFound("contact"))?;
    match wanted {
        Reception::Assistant | Reception::Blocked => {}
        Reception::PutThrough(Some(target)) => {
            let known = tx.transfer_targets().get(target).await?;
            known.ok_or_else(|| Error::invalid("/target", "there is no such transfer target"))?;
        }
        Reception::PutThrough(None) => {
            let everywhere = tx.pauses().everywhere().await?.item.fallback;
            let own = tx.pauses().of_numbers().await?.into_values().filter_map(|pause| pause.fallback).next();
            if everywhere.or(own).is_none() {
                return Err(Error::invalid("/target", "must be said: there is no fallback number"));
            }
        }
    }
    if *wanted != Reception::Assistant && contact.number.is_none() {
        return Err(Error::Conflict("that contact has no number to be known by"));
    }
    let before = tx.receptions().get(id).await?;
    if before != *wanted {
        tx.receptions().put(id, wanted).await?;
        audit::record(&mut tx, by, now, Some(&Told(id, &before)), Some(&Told(id, wanted))).await?;
    }
    Ok(tx.commit().await?)
}

/// Who takes a call that rings, if not the assistant. `new` says whether it rings for the first time: asked again, Twilio gets
/// the same answer. `forwarded` is the number that has sent the call on to us, where the network says so.
pub(super) async fn obey(
    tx: &mut TenantTx,
    now: Timestamp,
    number: &Number,
    record: &CallRecord,
    forwarded: Option<&E164>,
    new: bool,
) -> Result<Option<Received>, Error> {
    let Some(caller) = &record.from else { return Ok(None) };
    if !new {
        if record.outcome == Some(Outcome::Blocked) {
            return Ok(Some(Received::Blocked));
        }
        let known = tx.transfers().of_call(&record.id).await?.into_iter().find(|one| one.by == BY);
        return Ok(known.map(|transfer| put_through(tx, number, record, transfer)));
    }
    match Reception::of_all(tx.receptions().of_number(caller).await?) {
        Reception::Assistant => Ok(None),
        Reception::Blocked => {
            end(tx, record, CallState::Failed, Outcome::Blocked, now).await?;
            Ok(Some(Received::Blocked))
        }
        Reception::PutThrough(target) => {
            let Some(transfer) = whom(tx, now, number, record, target).await? else { return Ok(None) };
            // Nobody is sent in a circle.
            if transfer.number == *caller || forwarded == Some(&transfer.number) {
                return Ok(None);
            }
            tx.transfers().add(&transfer).await?;
            tx.transfers().advance(&transfer, TransferState::Ringing, false, now).await?;
            let transfer = Transfer { state: TransferState::Ringing, ..transfer };
            Ok(Some(put_through(tx, number, record, transfer)))
        }
    }
}

fn put_through(tx: &TenantTx, number: &Number, record: &CallRecord, transfer: Transfer) -> Received {
    let shown = record.from.clone().unwrap_or_else(|| record.to.clone());
    Received::PutThrough(Box::new(SteppedBack {
        tenant: tx.tenant_id().clone(),
        call: record.id.clone(),
        language: number.language,
        rung: Some((transfer, shown)),
    }))
}

/// Who is rung: the target, if it can be rung at that moment, or the fallback number; nobody when there is none.
async fn whom(
    tx: &mut TenantTx,
    now: Timestamp,
    number: &Number,
    record: &CallRecord,
    target: Option<TransferTargetId>,
) -> Result<Option<Transfer>, Error> {
    let (id, name, rung, announced) = match target {
        Some(target) => {
            let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
            let target = tx.transfer_targets().get(&target).await?;
            let Some(target) = target.filter(|target| target.open(now, &zone)) else { return Ok(None) };
            (target.id, target.name, target.number, target.announced)
        }
        None => {
            let own = tx.pauses().of(&number.id).await?.fallback;
            let Some(rung) = own.or(tx.pauses().everywhere().await?.item.fallback) else { return Ok(None) };
            (Transfer::fallback(), String::new(), rung, false)
        }
    };
    Ok(Some(Transfer {
        id: TransferId::of(ids::fresh(now)),
        call: record.id.clone(),
        target: id,
        name,
        number: rung,
        announced,
        wish: String::new(),
        by: BY.to_owned(),
        state: TransferState::Asked,
        asked: now,
        connected: None,
        ended: None,
    }))
}

/// Whether a transfer is that of a caller who is always put through: the assistant has not spoken with them.
pub(super) fn is_ours(transfer: &Transfer) -> bool {
    transfer.by == BY
}

/// A call is over, as the carrier tells: if its caller was to be put through and nobody has said how it ended, nobody was
/// reached.
pub(super) async fn over(tx: &mut TenantTx, call: &CallId, now: Timestamp) -> Result<(), Error> {
    let Some(record) = tx.calls().get(call).await?.filter(|record| record.outcome.is_none()) else {
        return Ok(());
    };
    if !tx.transfers().of_call(call).await?.iter().any(is_ours) {
        return Ok(());
    }
    end(tx, &record, CallState::Completed, Outcome::NotReached, now).await
}

async fn end(
    tx: &mut TenantTx,
    record: &CallRecord,
    state: CallState,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Error> {
    tx.calls().advance(&record.id, state, now).await?;
    let at = record.ended.unwrap_or(now);
    let ended =
        Ended { outcome, at, cost: MicroUsd::default(), recording: None, consent: None, stream: None };
    tx.calls().finish(&record.id, &ended).await?;
    calls::tell_ended(tx, record, now).await
}
