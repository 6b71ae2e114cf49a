//! Counts what calls came to, once each: a call that ended is due to be counted from the transaction that ended it on, and
//! again when more becomes known of it, such as what summing it up cost. Off the media path, and safe to do twice.

use crate::{
    app::Error,
    domain::{
        booking::Step,
        conversation::CallRecord,
        figures::{begun_minutes, country, day_and_hour},
        id::{AppointmentId, CallId, TenantId},
        time::{Timestamp, Zone},
        transfer::TransferState,
    },
    store::{Counted, Store, TenantTx, ToCount},
    telephony::MinutePrices,
};

/// What is counted in one go.
pub const COUNT_AT_ONCE_MAX: u32 = 200;
/// What is counted in one transaction.
const PER_TRANSACTION_MAX: usize = 50;

/// Counts what is due, at most [`COUNT_AT_ONCE_MAX`] calls and as many steps of appointments; how much there was.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away; what was counted before stays counted.
pub async fn count_due(store: &Store, prices: &MinutePrices) -> Result<usize, Error> {
    let due = store.across_tenants().to_count(COUNT_AT_ONCE_MAX).await?;
    for some in due.chunk_by(|a, b| whose(a) == whose(b)).flat_map(|one| one.chunks(PER_TRANSACTION_MAX)) {
        let Some(tenant) = some.first().map(whose) else { continue };
        let mut tx = store.begin(tenant).await?;
        let Some(zone) = tx.tenant().get().await?.map(|tenant| tenant.zone) else { continue };
        for one in some {
            match one {
                ToCount::Call(_, call) => count_call(&mut tx, &zone, prices, call).await?,
                ToCount::Step(_, appointment, ordinal) => {
                    count_step(&mut tx, &zone, appointment, *ordinal).await?;
                }
            }
        }
        tx.commit().await?;
    }
    Ok(due.len())
}

fn whose(one: &ToCount) -> &TenantId {
    match one {
        ToCount::Call(tenant, _) | ToCount::Step(tenant, ..) => tenant,
    }
}

/// Whether a call is one of those that are counted: the one place that says so. Trying an assistant out is no call.
fn counts(record: &CallRecord) -> bool {
    record.test.is_none()
}

async fn count_call(
    tx: &mut TenantTx,
    zone: &Zone,
    prices: &MinutePrices,
    call: &CallId,
) -> Result<(), Error> {
    if !tx.figures().take_call(call).await? {
        return Ok(());
    }
    let Some((number, before)) = tx.figures().facts(call).await? else { return Ok(()) };
    let Some(record) =
        tx.calls().get(call).await?.filter(|record| record.outcome.is_some() && counts(record))
    else {
        return Ok(tx.figures().count_call(call, before.as_ref(), None).await?);
    };
    let Some(outcome) = record.outcome else { return Ok(()) };
    let measures = tx.calls().measures(call).await?.unwrap_or_default();
    let person = record.person().and_then(country).unwrap_or_default();
    let (day, hour) = day_and_hour(record.rang, zone);
    let talk_ms = lasted(record.answered, record.ended);
    let minutes = begun_minutes(talk_ms);
    let mut telephone = prices.call(record.direction, &person, minutes);
    let mut billed = minutes;
    let (mut taken, mut missed) = (0, 0);
    // Whoever was rung for the caller is a call of ours.
    for transfer in tx.transfers().of_call(call).await? {
        let minutes = begun_minutes(lasted(transfer.connected, transfer.ended));
        telephone = telephone + prices.onward(&country(&transfer.number).unwrap_or_default(), minutes);
        billed += minutes;
        match transfer.state {
            TransferState::Connected => taken += 1,
            TransferState::Busy
            | TransferState::NoAnswer
            | TransferState::Declined
            | TransferState::Failed
            | TransferState::Cancelled => missed += 1,
            TransferState::Asked | TransferState::Ringing => {}
        }
    }
    let counted = Counted {
        day,
        hour,
        assistant: record.assistant,
        number,
        direction: record.direction,
        country: person,
        outcome,
        answered: record.answered.is_some(),
        talk_ms,
        minutes: billed,
        engine: record.cost,
        telephone,
        agent_turns: measures.agent_turns,
        interruptions: measures.interruptions,
        transfers_taken: taken,
        transfers_missed: missed,
        waits: measures.waits,
    };
    Ok(tx.figures().count_call(call, before.as_ref(), Some(&counted)).await?)
}

/// Counts a step that somebody took in a call; those of staff and calendars are not calls'.
async fn count_step(
    tx: &mut TenantTx,
    zone: &Zone,
    appointment: &AppointmentId,
    ordinal: i64,
) -> Result<(), Error> {
    let Some((at, step, who)) = tx.figures().take_step(appointment, ordinal).await? else { return Ok(()) };
    match step {
        Step::Booked | Step::Moved | Step::Cancelled => {}
        Step::Confirmed | Step::Undone => return Ok(()),
    }
    let Ok(call) = who.parse::<CallId>() else { return Ok(()) };
    let Some(record) = tx.calls().get(&call).await?.filter(counts) else { return Ok(()) };
    let Some((number, _)) = tx.figures().facts(&call).await? else { return Ok(()) };
    let (day, _) = day_and_hour(Timestamp(at), zone);
    Ok(tx.figures().count_step(day, step, &record.assistant, &number, record.direction).await?)
}

fn lasted(from: Option<Timestamp>, until: Option<Timestamp>) -> u64 {
    match (from, until) {
        (Some(from), Some(until)) => u64::try_from(until.millis_since(from)).unwrap_or(0),
        _ => 0,
    }
}
