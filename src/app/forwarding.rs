//! Is the business's own line forwarded to its number here? The line is rung once from that number, and it is watched for the
//! call to come back.
//!
//! A test is an attempt like every other ([`super::outgoing`]), of which Twilio is asked once and at once or not at all. What
//! comes back is not answered: it is refused as busy, which costs nothing, before anybody else is asked who takes it.

use serde_json::json;

use super::{
    Error,
    access::{Actor, Who},
    audit, calls,
};
use crate::{
    domain::{
        conversation::{CallRecord, CallState, Outcome},
        forwarding::{ForwardingTest, Found, Through, Told},
        id::{NumberId, OutgoingId},
        money::MicroUsd,
        org::Number,
        outgoing::{Kind, Origin, Outgoing, OutgoingState, hours, number},
        people::{Scope, Subject, Verb},
        phone::E164,
        time::Timestamp,
    },
    platform::ids,
    store::{Ended, Store, TenantTx},
};

/// Tests a tenant may ask for within an hour.
pub const TESTS_PER_HOUR_MAX: u64 = 10;
/// Tests of one line within a day.
pub const LINE_TESTS_PER_DAY_MAX: u64 = 6;
/// How long a line that is to be rung is still worth ringing, in minutes.
pub const WORTH_MINUTES: i64 = 2;
/// How long a call that was made may take to come back, in minutes: as long as lines ring, and a little.
const BACK_MINUTES: i64 = WORTH_MINUTES + 2;
/// Tests of a number that are shown.
pub const SHOWN_MAX: u32 = 5;
/// What such a call is for, where calls of the tenant's are listed.
const PURPOSE: &str = "Test of call forwarding";
const HOUR_MIN: i64 = 60;
const DAY_MIN: i64 = 24 * 60;

/// A test, and what it has found.
pub type Tested = (ForwardingTest, Found);

/// Has the business's own line, as people write its number, rung from its number here.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Closed`] to programs; [`Error::NotFound`]; [`Error::Invalid`] for lines that are never rung or
/// are answered here; [`Error::Conflict`] when nobody answers at the number, it is being tested, or it is too late in the day;
/// [`Error::Limit`]; [`Error::Unavailable`].
pub async fn test(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &NumberId,
    line: &str,
) -> Result<Tested, Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    by.must(Verb::Write, Subject::Calls)?;
    if matches!(by.who(), Who::Support { .. }) {
        return Err(Error::Forbidden(Scope { subject: Subject::Calls, verb: Verb::Write }));
    }
    by.user().ok_or(Error::Closed("a program has no line of its own"))?;
    let mut tx = store.begin(by.tenant()).await?;
    // One test at a time.
    tx.forwardings().lock().await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let held = tx.numbers().revised(id).await?.map(|held| held.item);
    let held = held.filter(|held| held.released.is_none()).ok_or(Error::NotFound("number"))?;
    let assistant = held.number.assistant.clone();
    let assistant = assistant.ok_or(Error::Conflict("nobody answers at that number yet"))?;
    let home = hours::country_of(&tenant.zone);
    let line = number::callable(line, home).map_err(|error| Error::invalid("/line", error.to_string()))?;
    let settings = tx.outgoing().settings().await?.item;
    if home != Some(line.country) && !settings.countries.iter().any(|code| code == line.country) {
        return Err(Error::invalid("/line", "is in a country that calls of yours may not go to"));
    }
    if store.across_tenants().number(&line.number).await?.is_some() {
        return Err(Error::invalid("/line", "is answered here: name the line that is forwarded to it"));
    }
    if tx.opt_outs().of(&line.number).await?.is_some() {
        return Err(Error::Conflict("that person does not want to be called"));
    }
    let zones = hours::zones(line.country, None, &tenant.zone);
    if hours::next_open(now, &zones, settings.from_min, settings.until_min) != Some(now) {
        return Err(Error::Conflict("nobody is called at this time of day"));
    }
    let under_way = tx.forwardings().under_way(now.plus_minutes(-BACK_MINUTES)).await?;
    if under_way.iter().any(|test| test.number == *id && test.arrived.is_none()) {
        return Err(Error::Conflict("the forwarding to that number is being tested already"));
    }
    if tx.forwardings().since(now.plus_minutes(-HOUR_MIN)).await? >= TESTS_PER_HOUR_MAX {
        return Err(Error::Limit { name: "tests of call forwarding an hour", max: TESTS_PER_HOUR_MAX });
    }
    // Whose line it is nobody has proven: it is rung a few times, not all day long.
    if tx.forwardings().since_of(&line.number, now.plus_minutes(-DAY_MIN)).await? >= LINE_TESTS_PER_DAY_MAX {
        return Err(Error::Limit { name: "tests of one line a day", max: LINE_TESTS_PER_DAY_MAX });
    }
    let one = Outgoing {
        purpose: PURPOSE.to_owned(),
        expires: Some(now.plus_minutes(WORTH_MINUTES)),
        ..Outgoing::waiting(
            OutgoingId::of(ids::fresh(now)),
            Kind::Forwarding,
            line.number.clone(),
            Origin { number: id.clone(), assistant, language: held.number.language },
            now,
        )
    };
    tx.outgoing().add(&one, None, &by.to_string()).await?;
    audit::tell(&mut tx, by, now, "number.forwarding_tested", id.as_str(), json!({})).await?;
    tx.commit().await?;
    let test = ForwardingTest {
        id: one.id,
        number: one.number,
        line: one.to,
        state: one.state,
        ended: None,
        asked: now,
        rung: None,
        arrived: None,
    };
    Ok((test, Found::Ringing))
}

/// What the last tests with a number have found, the latest first, one for each line.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn list(store: &Store, by: &Actor, now: Timestamp, id: &NumberId) -> Result<Vec<Tested>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.numbers().revised(id).await?.ok_or(Error::NotFound("number"))?;
    let tests = tx.forwardings().of_number(id, SHOWN_MAX * SHOWN_MAX).await?;
    let mut found: Vec<Tested> = vec![];
    for test in tests {
        if found.len() < SHOWN_MAX as usize && found.iter().all(|(known, _)| known.line != test.line) {
            let circle = leads_to(&mut tx, id, &test.line).await?;
            let what = test.found(circle, now.plus_minutes(-BACK_MINUTES));
            found.push((test, what));
        }
    }
    Ok(found)
}

/// Whether any line is known to be forwarded to a number of the tenant's.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn any_arrives(store: &Store, by: &Actor) -> Result<bool, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    Ok(store.read(by.tenant()).await?.forwardings().any_arrived().await?)
}

/// What of ours leads to that line, if anything does.
async fn leads_to(tx: &mut TenantTx, id: &NumberId, line: &E164) -> Result<Option<Through>, Error> {
    let fallbacks = [tx.pauses().of(id).await?.fallback, tx.pauses().everywhere().await?.item.fallback];
    if fallbacks.iter().any(|fallback| fallback.as_ref() == Some(line)) {
        return Ok(Some(Through::Fallback));
    }
    let target = tx.transfer_targets().at(line).await?;
    Ok(target.map(|target| Through::Target(target.name)))
}

/// Whether a line is known to send every call on to here: callers who are sent there come back. One that does so only when nobody
/// answers rings first, and is there for a pause.
pub(super) async fn is_forwarded(tx: &mut TenantTx, line: &E164) -> Result<bool, Error> {
    Ok(tx.forwardings().of_line(line).await?.is_some_and(|test| test.at_once()))
}

/// Whether a call that rings is that of a test that has come back; it is noted, and nobody takes it.
pub(super) async fn arrives(
    tx: &mut TenantTx,
    now: Timestamp,
    record: &CallRecord,
    at: &Number,
    forwarded: Option<&E164>,
) -> Result<bool, Error> {
    // Asked again, Twilio gets the same answer.
    if record.outcome == Some(Outcome::ForwardingTest) {
        return Ok(true);
    }
    for test in tx.forwardings().under_way(now.plus_minutes(-BACK_MINUTES)).await? {
        // Before it is dialled, nothing can come back.
        if test.arrived.is_some() || test.state == OutgoingState::Waiting {
            continue;
        }
        let Some(from) = tx.numbers().revised(&test.number).await? else { continue };
        let told = test.told_by(&from.item.number.number, record.from.as_ref(), forwarded);
        if told == Told::Nothing || !tx.forwardings().arrive(&test.id, &at.id, now).await? {
            continue;
        }
        if told == Told::Forwarded {
            // Somebody else's call, which the line has sent on: that shows as much, and is answered.
            return Ok(false);
        }
        tx.calls().mark_test(&record.id, None).await?;
        let marked = tx.calls().get(&record.id).await?.ok_or(Error::NotFound("call"))?;
        end(tx, &marked, now).await?;
        return Ok(true);
    }
    Ok(false)
}

/// A call of a test is over.
pub(super) async fn end(tx: &mut TenantTx, record: &CallRecord, now: Timestamp) -> Result<(), Error> {
    tx.calls().advance(&record.id, CallState::Completed, now).await?;
    let ended = Ended {
        outcome: Outcome::ForwardingTest,
        at: record.ended.unwrap_or(now),
        cost: MicroUsd::default(),
        recording: None,
        consent: None,
        stream: None,
    };
    tx.calls().finish(&record.id, &ended).await?;
    calls::tell_ended(tx, record, now).await
}
