//! Buying: the wish is committed, then Twilio is asked, then the number is kept.
//!
//! Twilio has no key by which a repeated purchase is known (protocols.md §1.5). So an order says whether Twilio may
//! have been asked already, and whoever goes on with it looks first whether the account owns the number. An order
//! that its request could not finish is finished by a job.

use tracing::{error, info, warn};

use super::{HELD, conflict_if_not_unique, edit_of, kept, live, open_to, put, room};
use crate::{
    app::{
        Error,
        access::{Actor, Who},
        accounts::{Accounts, is_sid},
        audit,
    },
    domain::{
        assistant::Language,
        id::{AssistantId, JobId, NumberId, OrderId, TenantId},
        org::{HeldNumber, Number, NumberSetup},
        people::{Subject, Verb},
        phone::E164,
        revision::Revised,
        time::Timestamp,
    },
    platform::ids,
    store::{Order, Progress, Store, Wanted, Work},
    telephony::rest::{self, Credentials, Owned},
};

/// After how many minutes an order that could not be filled is given up.
pub const ORDER_MINUTES_MAX: i64 = 60;
/// How long whoever asks Twilio has the order for themselves, in minutes: longer than two answers can take.
const BUSY_MINUTES: i64 = 1;
/// Who finishes what a request left behind, in the log.
const JOBS: &str = "jobs";

/// What somebody wants to buy.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The number.
    pub number: E164,
    /// Who is to answer it.
    pub assistant: Option<AssistantId>,
    /// The language in which calls are opened; the assistant's when left out.
    pub language: Option<Language>,
    /// The address (`AD…`) that countries ask for.
    pub address_sid: Option<String>,
    /// The papers (`BU…`) that countries ask for.
    pub bundle_sid: Option<String>,
}

/// Buys a number and has it ring here. The same `key` is the same order: it is gone on with, and answered alike.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Conflict`] when the number is not to be had or
/// somebody here has it, when `key` was used for something else, or when there is no account or public URL;
/// [`Error::Declined`]; [`Error::Unavailable`], after which nobody knows, and asking again with the same key tells.
pub async fn buy(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    ordered: Ordered,
) -> Result<Revised<HeldNumber>, Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    let order = match begun(store, by, key, &ordered).await? {
        Some(order) => order,
        None => match begin(store, accounts, by, now, key, &ordered).await {
            // The same request may have come twice at once; then the other one's order is this one's.
            Err(error @ Error::Conflict(_)) => begun(store, by, key, &ordered).await?.ok_or(error)?,
            order => order?,
        },
    };
    let number = fill(store, accounts, by, now, &order).await?;
    match kept(&mut store.read(by.tenant()).await?, &number).await {
        Err(Error::NotFound(_)) => {
            Err(Error::Conflict("the number this request bought has been released since"))
        }
        kept => kept,
    }
}

/// Goes on with an order that its request left open: for a job.
///
/// # Errors
/// Whatever stands in the way; [`Error::Unavailable`] when going on later may do.
pub async fn carry_on(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    id: &OrderId,
    now: Timestamp,
) -> Result<(), Error> {
    // An order of which Twilio was never told may be forgotten by now.
    let Some(order) = store.read(tenant).await?.orders().get(id).await? else { return Ok(()) };
    if !matches!(order.progress, Progress::Open { .. }) {
        return Ok(());
    }
    let by = Actor::new(tenant.clone(), Who::System(JOBS));
    match fill(store, accounts, &by, now, &order).await {
        Ok(_) => Ok(()),
        Err(error @ (Error::Unavailable(..) | Error::Internal(_))) => {
            if now >= order.created.plus_minutes(ORDER_MINUTES_MAX) {
                fail(
                    store,
                    tenant,
                    id,
                    "Twilio did not answer for too long; look there before you order again",
                )
                .await?;
                error!(order.id = %id, "an order is given up");
                return Ok(());
            }
            Err(error)
        }
        Err(error) => {
            info!(order.id = %id, reason = %error, "an order could not be filled");
            Ok(())
        }
    }
}

/// The order this request has begun before, if it has.
async fn begun(
    store: &Store,
    by: &Actor,
    key: Option<&str>,
    ordered: &Ordered,
) -> Result<Option<Order>, Error> {
    let mut tx = store.read(by.tenant()).await?;
    let order = match key {
        Some(key) => tx.orders().by_key(key).await?,
        // Without a key, what is being bought is what was asked for.
        None => tx.orders().open_of(&ordered.number).await?,
    };
    let Some(order) = order else { return Ok(None) };
    let wanted = &order.wanted;
    let same = wanted.number == ordered.number
        && wanted.assistant == ordered.assistant
        && ordered.language.is_none_or(|language| language == wanted.language)
        && wanted.address_sid == ordered.address_sid
        && wanted.bundle_sid == ordered.bundle_sid;
    if same {
        Ok(Some(order))
    } else {
        Err(Error::Conflict(
            "that Idempotency-Key, or that number, was used in another order; look at it first",
        ))
    }
}

/// Commits the wish, and that somebody looks after it whatever becomes of this request.
async fn begin(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    ordered: &Ordered,
) -> Result<Order, Error> {
    accounts.setup()?;
    let mut faults = crate::app::Faults::new();
    for (at, sid, kind) in
        [("/address_sid", &ordered.address_sid, "AD"), ("/bundle_sid", &ordered.bundle_sid, "BU")]
    {
        faults.unless(
            sid.as_ref().is_none_or(|sid| is_sid(sid, kind)),
            at,
            format!("must be `{kind}` and 32 hexadecimal digits"),
        );
    }
    faults.settle()?;
    let who = accounts.of_tenant(by.tenant()).await?;
    open_to(store, &ordered.number).await?;
    let mut tx = store.begin(by.tenant()).await?;
    room(&mut tx).await?;
    let edit = edit_of(&mut tx, ordered.assistant.clone(), ordered.language).await?;
    if let Some(assistant) = &edit.assistant
        && !live(&mut tx, assistant).await?.opening.contains_key(&edit.language)
    {
        return Err(Error::invalid("/language", "the assistant has no opening words in this language"));
    }
    let order = Order {
        id: OrderId::of(ids::fresh(now)),
        key: key.map(str::to_owned),
        wanted: Wanted {
            number: ordered.number.clone(),
            assistant: edit.assistant,
            language: edit.language,
            address_sid: ordered.address_sid.clone(),
            bundle_sid: ordered.bundle_sid.clone(),
        },
        account_sid: who.account_sid,
        progress: Progress::Open { asked: None },
        created: now,
    };
    tx.orders()
        .add(&order)
        .await
        .map_err(|error| conflict_if_not_unique(error, "that number is being bought already"))?;
    let about = serde_json::json!({ "number": order.wanted.number.as_str() });
    audit::tell(&mut tx, by, now, "number.ordered", order.id.as_str(), about).await?;
    let work = Work::BuyNumber { order: order.id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now.plus_minutes(BUSY_MINUTES)).await?;
    tx.commit().await?;
    Ok(order)
}

/// Has an order filled, or says why it cannot be. The number it came to.
async fn fill(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    order: &Order,
) -> Result<NumberId, Error> {
    match &order.progress {
        Progress::Done(number) => return Ok(number.clone()),
        Progress::Failed(why) => return Err(Error::Declined { by: "Twilio", why: why.clone() }),
        Progress::Open { .. } => {}
    }
    let mut tx = store.begin(by.tenant()).await?;
    let taken = tx.orders().take(&order.id, now, now.plus_minutes(BUSY_MINUTES)).await?;
    let current = tx.orders().get(&order.id).await?;
    tx.commit().await?;
    let asked = match current.map(|order| order.progress) {
        Some(Progress::Open { asked }) if taken => asked,
        Some(Progress::Done(number)) => return Ok(number),
        Some(Progress::Failed(why)) => return Err(Error::Declined { by: "Twilio", why }),
        Some(Progress::Open { .. }) => return Err(Error::Unavailable("the order", Box::new(Busy))),
        None => return Err(Error::Conflict("that order was given up; order again")),
    };
    let bought = match accounts.credentials(by.tenant(), &order.account_sid).await {
        Ok(who) => ask(store, accounts, by, now, order, asked.is_some(), &who).await,
        // It may have been bought: nobody knows until somebody can look.
        Err(error) if asked.is_some() => Err(Error::Unavailable("Twilio's account", Box::new(error))),
        Err(error) => Err(error),
    };
    match bought {
        Ok(owned) => keep(store, by, now, order, owned).await,
        Err(error) => {
            settle(store, by.tenant(), order, &error).await?;
            Err(error)
        }
    }
}

/// Somebody else is at it.
#[derive(Debug, thiserror::Error)]
#[error("it is being bought at this moment")]
struct Busy;

/// Has Twilio sell the number, unless it has.
async fn ask(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    order: &Order,
    asked: bool,
    who: &Credentials,
) -> Result<Owned, Error> {
    let rest = accounts.rest();
    let wanted = &order.wanted;
    let found = rest.find(who, &wanted.number).await;
    let found = found.map_err(|error| {
        // It may have been bought: nobody knows until somebody can look.
        if asked { Error::Unavailable("Twilio", Box::new(error)) } else { error.into() }
    })?;
    match found {
        Some(owned) if asked => return Ok(owned),
        // It was owned before anybody here asked: nobody ordered that.
        Some(_) => {
            return Err(Error::Conflict("the Twilio account owns that number already; import it instead"));
        }
        None => {}
    }
    let setup = accounts.setup()?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.orders().ask(&order.id, now).await?;
    tx.commit().await?;
    let goods = rest::Order {
        number: &wanted.number,
        address_sid: wanted.address_sid.as_deref(),
        bundle_sid: wanted.bundle_sid.as_deref(),
    };
    match rest.buy(who, &goods, Some(&setup)).await {
        // Somebody was faster; when we asked before, that may have been ourselves.
        Err(rest::Error::NotAvailable) if asked => {
            rest.find(who, &wanted.number).await?.ok_or(rest::Error::NotAvailable.into())
        }
        bought => Ok(bought?),
    }
}

/// Notes why an order was not filled: it stays open only while nobody knows, or when a while may help.
async fn settle(store: &Store, tenant: &TenantId, order: &Order, error: &Error) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await?;
    if let Error::Declined { why, .. } = error {
        tx.orders().fail(&order.id, why).await?;
    } else {
        // Unless Twilio was told, it is as if it had not been ordered.
        tx.orders().forget(&order.id).await?;
        let problem = error.to_string();
        if matches!(error, Error::Unavailable(..) | Error::Internal(_)) {
            tx.orders().leave(&order.id, &problem).await?;
        } else {
            tx.orders().fail(&order.id, &problem).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn fail(store: &Store, tenant: &TenantId, id: &OrderId, why: &str) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await?;
    tx.orders().fail(id, why).await?;
    Ok(tx.commit().await?)
}

/// Keeps what was bought.
async fn keep(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    order: &Order,
    owned: Owned,
) -> Result<NumberId, Error> {
    let mut tx = store.begin(by.tenant()).await?;
    let wanted = &order.wanted;
    // Whoever was to answer may be gone by now: the number is paid for all the same, and rings at nobody.
    let assistant = match &wanted.assistant {
        Some(id) => live(&mut tx, id)
            .await
            .ok()
            .filter(|assistant| assistant.opening.contains_key(&wanted.language))
            .map(|assistant| assistant.id),
        None => None,
    };
    let number = Number {
        id: NumberId::of(ids::fresh(now)),
        number: wanted.number.clone(),
        assistant,
        language: wanted.language,
    };
    match put(&mut tx, by, now, None, &number).await {
        Err(Error::Conflict(HELD)) => {
            drop(tx);
            error!(order.id = %order.id, "a number was bought that another tenant has by file");
            fail(store, by.tenant(), &order.id, HELD).await?;
            return Err(Error::Conflict(HELD));
        }
        kept => kept?,
    }
    let held = HeldNumber {
        number: number.clone(),
        account_sid: Some(order.account_sid.clone()),
        sid: Some(owned.sid),
        setup: NumberSetup::Waiting,
        setup_problem: None,
        released: None,
    };
    let right =
        owned.voice_application_sid.is_none() && owned.trunk_sid.is_none() && owned.voice_url.is_some();
    let setup = if right { NumberSetup::Done } else { NumberSetup::Waiting };
    tx.numbers().hold(&HeldNumber { setup, ..held }).await?;
    if !right {
        warn!(number.id = %number.id, "a number was bought that does not ring here yet");
        let work = Work::SetUpNumber { number: number.id.clone() };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    }
    tx.orders().done(&order.id, &number.id).await?;
    tx.commit().await?;
    Ok(number.id)
}
