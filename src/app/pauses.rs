//! Pauses: the assistant steps back at one number or at all of them, and callers go to a number of the business's, or leave
//! a message. Obeyed before anything else when a telephone rings; calls of ours are not held up by it.
//!
//! A fallback number is chosen as targets of transfers are: it is never answered here, nor known to be
//! forwarded here, or callers would go in a circle.

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    calls, forwarding,
};
use crate::{
    domain::{
        assistant::Language,
        conversation::{CallRecord, CallState, Outcome},
        id::{CallId, NumberId, TenantId, TransferId},
        money::MicroUsd,
        org::Number,
        outgoing::number::callable,
        pause::{Pause, UNTIL_TAKEN_BACK, stepping_back},
        people::{Subject, Verb},
        phone::E164,
        revision::{Revised, Revision},
        time::Timestamp,
        transfer::{Transfer, TransferState},
    },
    platform::ids,
    store::{Ended, Store, TenantTx},
};

/// The word for a pause that lasts until somebody takes it back.
pub const TAKEN_BACK: &str = "until_taken_back";
/// Longest a pause with an end may last, in minutes: a year.
pub const PAUSE_MINUTES_MAX: i64 = 366 * 24 * 60;
/// Who passes callers on while the assistant has stepped back, as it stands with transfers.
const BY: &str = "system:pause";

/// A pause under the id it is told of in the log.
struct Told<'p>(&'p str, &'p Pause);

impl Audited for Told<'_> {
    const KIND: &'static str = "pause";

    fn id(&self) -> String {
        self.0.to_owned()
    }

    fn parts(&self) -> Parts {
        let until = self
            .1
            .until
            .map(|until| if until == UNTIL_TAKEN_BACK { TAKEN_BACK.to_owned() } else { until.to_string() });
        Parts::new()
            .with("paused_until", until)
            .hiding("fallback_number", self.1.fallback.as_ref().map(E164::as_str))
    }
}

/// A call in which the assistant steps back, and where its caller goes.
#[derive(Clone, Debug)]
pub struct SteppedBack {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// The language of the number.
    pub language: Language,
    /// The fallback number that is rung, and the number it sees; without one the caller can leave a message.
    pub rung: Option<(Transfer, E164)>,
}

/// The pause of all numbers.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn get(store: &Store, by: &Actor) -> Result<Revised<Pause>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    Ok(store.read(by.tenant()).await?.pauses().everywhere().await?)
}

/// The pauses of single numbers, of those of which anything was said.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn of_numbers(
    store: &Store,
    by: &Actor,
) -> Result<std::collections::BTreeMap<NumberId, Pause>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    Ok(store.read(by.tenant()).await?.pauses().of_numbers().await?)
}

/// Changes the pause of all numbers as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    seen: Option<Revision>,
    change: impl FnOnce(&Pause) -> Result<Pause, Error>,
) -> Result<Revised<Pause>, Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.pauses().everywhere().await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    if wanted == before.item {
        return Ok(before);
    }
    check(store, &mut tx, now, &before.item, &wanted).await?;
    tx.pauses().put_everywhere(&wanted).await?;
    let (before, after) = (Told("all", &before.item), Told("all", &wanted));
    audit::record(&mut tx, by, now, Some(&before), Some(&after)).await?;
    let after = tx.pauses().everywhere().await?;
    tx.commit().await?;
    Ok(after)
}

/// Keeps the pause of one number, in the transaction in which the number itself may be changed.
pub(super) async fn put(
    store: &Store,
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    number: &NumberId,
    before: &Pause,
    wanted: &Pause,
) -> Result<(), Error> {
    if before == wanted {
        return Ok(());
    }
    check(store, tx, now, before, wanted).await?;
    tx.pauses().put(number, wanted).await?;
    let (before, after) = (Told(number.as_str(), before), Told(number.as_str(), wanted));
    audit::record(tx, by, now, Some(&before), Some(&after)).await
}

/// Reads a number as people write it; `home` is the country of numbers without one.
///
/// # Errors
/// What is wrong with it.
pub fn fallback(text: &str, home: Option<&str>) -> Result<E164, String> {
    callable(text, home).map(|callable| callable.number).map_err(|error| error.to_string())
}

async fn check(
    store: &Store,
    tx: &mut TenantTx,
    now: Timestamp,
    before: &Pause,
    wanted: &Pause,
) -> Result<(), Error> {
    let mut faults = Faults::new();
    if wanted.until != before.until
        && let Some(until) = wanted.until.filter(|until| *until != UNTIL_TAKEN_BACK)
    {
        let right = now < until && until <= now.plus_minutes(PAUSE_MINUTES_MAX);
        faults.unless(right, "/paused_until", "must be within the year to come");
    }
    if let Some(number) = wanted.fallback.as_ref().filter(|number| before.fallback.as_ref() != Some(number)) {
        // Whoever has it here: what rings here is answered here.
        let here = store.across_tenants().number(number).await?.is_some();
        faults.unless(!here, "/fallback_number", "is answered here: callers would ring in a circle");
        let back = forwarding::is_forwarded(tx, number).await?;
        faults.unless(!back, "/fallback_number", "is forwarded here: callers would ring in a circle");
    }
    faults.settle()
}

/// Where a call goes that rings at a number where the assistant has stepped back; `None` when it has not. `forwarded` is the
/// number that has sent the call on to us, where the network says so.
pub(super) async fn obey(
    tx: &mut TenantTx,
    now: Timestamp,
    number: &Number,
    record: &CallRecord,
    forwarded: Option<&E164>,
) -> Result<Option<SteppedBack>, Error> {
    let (own, all) = (tx.pauses().of(&number.id).await?, tx.pauses().everywhere().await?.item);
    let fallback = match stepping_back(&own, &all, now) {
        Some(fallback) => fallback,
        // Asked again about a call that has gone on, Twilio gets the same answer.
        None if tx.pauses().stepped_back(&record.id).await? => own.fallback.or(all.fallback),
        None => return Ok(None),
    };
    tx.pauses().step_back(&record.id).await?;
    // Who is rung for the caller must be somebody else than the caller, and than who has sent the caller here.
    let fallback = fallback.filter(|to| record.from.as_ref() != Some(to) && forwarded != Some(to));
    let rung = match fallback {
        Some(to) => {
            let shown = record.from.clone().unwrap_or_else(|| record.to.clone());
            Some((ring(tx, now, record, to).await?, shown))
        }
        None => None,
    };
    let tenant = tx.tenant_id().clone();
    Ok(Some(SteppedBack { tenant, call: record.id.clone(), language: number.language, rung }))
}

/// What is done about ringing the fallback number: written down before it is done, once for each call.
async fn ring(tx: &mut TenantTx, now: Timestamp, record: &CallRecord, to: E164) -> Result<Transfer, Error> {
    let known = tx.transfers().of_call(&record.id).await?.into_iter().find(Transfer::is_fallback);
    if let Some(known) = known {
        return Ok(known);
    }
    let transfer = Transfer {
        id: TransferId::of(ids::fresh(now)),
        call: record.id.clone(),
        target: Transfer::fallback(),
        name: String::new(),
        number: to,
        announced: false,
        wish: String::new(),
        by: BY.to_owned(),
        state: TransferState::Asked,
        asked: now,
        connected: None,
        ended: None,
    };
    tx.transfers().add(&transfer).await?;
    tx.transfers().advance(&transfer, TransferState::Ringing, false, now).await?;
    Ok(Transfer { state: TransferState::Ringing, ..transfer })
}

/// A call is over, as the carrier tells: if the assistant had stepped back in it and nobody has said how it ended, that is how.
pub(super) async fn over(tx: &mut TenantTx, call: &CallId, now: Timestamp) -> Result<(), Error> {
    let Some(record) = tx.calls().get(call).await?.filter(|record| record.outcome.is_none()) else {
        return Ok(());
    };
    if !tx.pauses().stepped_back(call).await? {
        return Ok(());
    }
    tx.calls().advance(call, CallState::Completed, now).await?;
    let ended = Ended {
        outcome: Outcome::Paused,
        at: record.ended.unwrap_or(now),
        cost: MicroUsd::default(),
        recording: None,
        consent: None,
        stream: None,
    };
    tx.calls().finish(call, &ended).await?;
    calls::tell_ended(tx, &record, now).await
}
