//! Telephone numbers: looked for, bought, taken over, assigned, given back.
//!
//! Twilio is asked between transactions, never inside one. What was committed before tells whoever comes after a crash
//! where to go on; what may have happened at Twilio is looked up there before anything is repeated.

mod orders;

use serde_json::json;

pub use self::orders::{ORDER_MINUTES_MAX, Ordered, buy, carry_on};
use super::{
    Error,
    access::Actor,
    accounts::Accounts,
    audit::{self, Audited, Parts},
    pauses,
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language},
        id::{AssistantId, JobId, NumberId, TenantId},
        org::{HeldNumber, Number, NumberSetup},
        pause::Pause,
        people::{Subject, Verb},
        phone::E164,
        revision::{Revised, Revision},
        time::Timestamp,
    },
    platform::ids,
    store::{self, Page, Place, Store, TenantTx, Work},
    telephony::rest::{self, Kind, Offered, Search},
};

/// How many numbers a tenant may have.
pub const NUMBERS_MAX: u64 = 100;
/// How many numbers that are to be had are shown at most.
pub const OFFERED_MAX: u32 = 50;
/// Longest pattern of digits that is searched for.
pub const CONTAINS_LEN_MAX: usize = 16;

impl Audited for Number {
    const KIND: &'static str = "number";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        Parts::new()
            .with("number", self.number.as_str())
            .with("assistant", self.assistant.as_ref().map(AssistantId::as_str))
            .with("language", self.language.code())
    }
}

/// What can be changed of a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Who answers; `None` when nobody is to.
    pub assistant: Option<AssistantId>,
    /// The language in which calls are opened.
    pub language: Language,
}

/// The numbers, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<HeldNumber>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    Ok(store.read(by.tenant()).await?.numbers().page(after, count_max).await?)
}

/// One number.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &NumberId) -> Result<Revised<HeldNumber>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// One number, and whether and until when the assistant steps back there.
///
/// # Errors
/// As [`get`].
pub async fn get_with_pause(
    store: &Store,
    by: &Actor,
    id: &NumberId,
) -> Result<(Revised<HeldNumber>, Pause), Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    let mut tx = store.read(by.tenant()).await?;
    Ok((kept(&mut tx, id).await?, tx.pauses().of(id).await?))
}

/// Numbers that Twilio has to sell. None is reserved.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Conflict`] when there is no account; [`Error::Unavailable`].
pub async fn available(
    accounts: &Accounts,
    by: &Actor,
    country: &str,
    kind: Kind,
    area_code: Option<String>,
    contains: Option<String>,
    count_max: u32,
) -> Result<Vec<Offered>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    let mut faults = super::Faults::new();
    faults.unless(
        country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()),
        "?country",
        "must be two capital letters, such as DE (ISO 3166-1)",
    );
    let digits = |text: &String| (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    faults.unless(area_code.as_ref().is_none_or(digits), "?area_code", "must be 1 to 6 digits");
    let pattern = |text: &String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'*' || b == b'+';
        (2..=CONTAINS_LEN_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    faults.unless(
        contains.as_ref().is_none_or(pattern),
        "?contains",
        format!("must be 2 to {CONTAINS_LEN_MAX} digits, letters or `*` for any one"),
    );
    faults.unless(
        (1..=OFFERED_MAX).contains(&count_max),
        "?limit",
        format!("must be from 1 to {OFFERED_MAX}"),
    );
    faults.settle()?;
    let who = accounts.of_tenant(by.tenant()).await?;
    let search = Search { country: country.to_owned(), kind, area_code, contains, count_max };
    match accounts.rest().available(&who, &search).await {
        // There is no such country, or no such kind in it: nothing is to be had.
        Err(rest::Error::NotFound | rest::Error::NotAvailable) => Ok(vec![]),
        answer => Ok(answer?),
    }
}

/// Takes over a number that the tenant's Twilio account owns already, and has it ring here. Again for a number the
/// tenant has: it is set up anew, and what is not given stays.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::OperatorOnly`] for a number of the operator's account that the tenant does not have;
/// [`Error::NotFound`] when the account does not own it; [`Error::Invalid`]; [`Error::Conflict`] when it is another
/// tenant's, or there is no account or public URL; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn import(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    number: &E164,
    assistant: Option<AssistantId>,
    language: Option<Language>,
) -> Result<Revised<HeldNumber>, Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    accounts.setup()?;
    let mut tx = store.read(by.tenant()).await?;
    let before = tx.numbers().by_number(number).await?;
    let before_held = match &before {
        Some(before) => Some(kept(&mut tx, &before.id).await?.item),
        None => None,
    };
    drop(tx);
    let who = match before_held.as_ref().and_then(|held| held.account_sid.as_ref()) {
        Some(account_sid) => accounts.credentials(by.tenant(), account_sid).await?,
        None => accounts.of_tenant(by.tenant()).await?,
    };
    if before.is_none() {
        // The operator's account is shared: what lies in it belongs to nobody who asks.
        if accounts.is_operators(&who.account_sid) && !by.operates() {
            return Err(Error::OperatorOnly("who gets a number that the operator's account owns already"));
        }
        open_to(store, number).await?;
    }
    let owned = accounts
        .rest()
        .find(&who, number)
        .await?
        .ok_or_else(|| Error::invalid("/number", "is not owned by the Twilio account; buy it instead"))?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.numbers().by_number(number).await?;
    let edit = match &before {
        Some(before) => Edit {
            assistant: assistant.or_else(|| before.assistant.clone()),
            language: language.unwrap_or(before.language),
        },
        None => edit_of(&mut tx, assistant, language).await?,
    };
    let id = before.as_ref().map_or_else(|| NumberId::of(ids::fresh(now)), |before| before.id.clone());
    if before.is_none() {
        room(&mut tx).await?;
    }
    let wanted = Number { id, number: number.clone(), assistant: edit.assistant, language: edit.language };
    put(&mut tx, by, now, before.as_ref(), &wanted).await?;
    let held = HeldNumber {
        number: wanted.clone(),
        account_sid: Some(who.account_sid),
        sid: Some(owned.sid),
        setup: NumberSetup::Waiting,
        setup_problem: None,
        released: None,
    };
    tx.numbers().hold(&held).await?;
    let work = Work::SetUpNumber { number: wanted.id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now.plus_minutes(1)).await?;
    tx.commit().await?;
    // Tried at once; what fails is left to the job and shown with the number.
    let _ = set_up(store, accounts, by.tenant(), &wanted.id).await;
    kept(&mut store.read(by.tenant()).await?, &wanted.id).await
}

/// Has Twilio ask here when a number rings. Safe to do twice.
///
/// # Errors
/// Whatever stands in the way, which is noted with the number as well.
pub async fn set_up(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    id: &NumberId,
) -> Result<(), Error> {
    let held = store.read(tenant).await?.numbers().revised(id).await?.ok_or(Error::NotFound("number"))?.item;
    let (Some(account_sid), Some(sid), None) = (&held.account_sid, &held.sid, held.released) else {
        return Ok(());
    };
    let done = async {
        let setup = accounts.setup()?;
        let who = accounts.credentials(tenant, account_sid).await?;
        Ok(accounts.rest().configure(&who, sid, &setup).await.map(drop)?)
    };
    let done: Result<(), Error> = done.await;
    let (setup, problem) = match &done {
        Ok(()) => (NumberSetup::Done, None),
        Err(error @ (Error::Unavailable(..) | Error::Internal(_))) => {
            (NumberSetup::Waiting, Some(error.to_string()))
        }
        Err(error) => (NumberSetup::Failed, Some(error.to_string())),
    };
    let mut tx = store.begin(tenant).await?;
    let current = tx.numbers().revised(id).await?.ok_or(Error::NotFound("number"))?.item;
    // Taken over anew or given back in between: what was found out is about something else.
    if (&current.sid, current.released) == (&held.sid, held.released) {
        tx.numbers().hold(&HeldNumber { setup, setup_problem: problem, ..current }).await?;
        tx.commit().await?;
    }
    done
}

/// Changes who answers a number, and in which language.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &NumberId,
    seen: Option<Revision>,
    change: impl FnOnce(&Number) -> Result<Edit, Error>,
) -> Result<Revised<HeldNumber>, Error> {
    let edited =
        edit_with_pause(store, by, now, id, seen, |number, pause| Ok((change(number)?, pause.clone())));
    Ok(edited.await?.0)
}

/// The same, and whether and until when the assistant steps back there.
///
/// # Errors
/// As [`edit`].
pub async fn edit_with_pause(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &NumberId,
    seen: Option<Revision>,
    change: impl FnOnce(&Number, &Pause) -> Result<(Edit, Pause), Error>,
) -> Result<(Revised<HeldNumber>, Pause), Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    let before = before.item.number;
    let paused = tx.pauses().of(id).await?;
    let (Edit { assistant, language }, pause) = change(&before, &paused)?;
    let wanted = Number { assistant, language, ..before.clone() };
    put(&mut tx, by, now, Some(&before), &wanted).await?;
    pauses::put(store, &mut tx, by, now, id, &paused, &pause).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok((after, pause))
}

/// Gives a number back to Twilio, or with `keep` only takes it out of here. Its calls stay. Safe to do twice.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] when no token is known for its
/// account; [`Error::Declined`]; [`Error::Unavailable`], after which it is still there.
pub async fn release(
    store: &Store,
    accounts: &Accounts,
    by: &Actor,
    now: Timestamp,
    id: &NumberId,
    seen: Option<Revision>,
    keep: bool,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    let before = kept(&mut store.read(by.tenant()).await?, id).await?;
    before.must_be(seen)?;
    let HeldNumber { number, account_sid, sid, .. } = before.item;
    // What was named in a file was not bought here and is not given back from here.
    if let (Some(account_sid), Some(sid), false) = (&account_sid, &sid, keep) {
        let who = accounts.credentials(by.tenant(), account_sid).await?;
        accounts.rest().release(&who, sid).await?;
    }
    let mut tx = store.begin(by.tenant()).await?;
    if !tx.numbers().release(id, now).await? {
        return Err(Error::NotFound("number"));
    }
    let given_back = sid.is_some() && !keep;
    let about = json!({ "number": number.number.as_str(), "given_back": given_back });
    audit::tell(&mut tx, by, now, "number.released", id.as_str(), about).await?;
    Ok(tx.commit().await?)
}

/// The number, unless it was given back.
async fn kept(tx: &mut TenantTx, id: &NumberId) -> Result<Revised<HeldNumber>, Error> {
    let kept = tx.numbers().revised(id).await?.filter(|kept| kept.item.released.is_none());
    kept.ok_or(Error::NotFound("number"))
}

/// Goes on only if no tenant has that number.
async fn open_to(store: &Store, number: &E164) -> Result<(), Error> {
    match store.across_tenants().number(number).await? {
        Some(_) => Err(Error::Conflict(HELD)),
        None => Ok(()),
    }
}

const HELD: &str = "somebody here has that number already; a number can ring in one place only";

/// The error, or a conflict in these words when somebody else was first.
fn conflict_if_not_unique(error: store::Error, words: &'static str) -> Error {
    if matches!(error, store::Error::NotUnique(_)) { Error::Conflict(words) } else { error.into() }
}

/// Goes on only if there is room for one more number.
async fn room(tx: &mut TenantTx) -> Result<(), Error> {
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    // On its own account a tenant pays itself.
    let own = tx.twilio_account().get().await?.is_some();
    let max = if own { NUMBERS_MAX } else { u64::from(tenant.numbers_max) };
    if tx.numbers().count().await? + tx.orders().count_open().await? >= max {
        return Err(Error::Limit { name: "numbers", max });
    }
    Ok(())
}

/// Who answers a number that comes, and in which language.
async fn edit_of(
    tx: &mut TenantTx,
    assistant: Option<AssistantId>,
    language: Option<Language>,
) -> Result<Edit, Error> {
    let speaks = match &assistant {
        Some(id) => Some(live(tx, id).await?.language),
        None => None,
    };
    let language = language
        .or(speaks)
        .ok_or_else(|| Error::invalid("/language", "must be given when nobody is named who answers"))?;
    Ok(Edit { assistant, language })
}

/// The assistant, if it can be put on a telephone.
async fn live(tx: &mut TenantTx, id: &AssistantId) -> Result<Assistant, Error> {
    let assistant = tx.assistants().get(id).await?;
    let assistant = assistant.ok_or_else(|| Error::invalid("/assistant", "there is no such assistant"))?;
    if assistant.status != AssistantStatus::Live {
        return Err(Error::invalid("/assistant", "is not live; set its `status` to `live` first"));
    }
    Ok(assistant)
}

/// Keeps a number, tells the log and has the opening words of whoever answers it spoken in advance.
async fn put(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    before: Option<&Number>,
    wanted: &Number,
) -> Result<(), Error> {
    if let Some(id) = &wanted.assistant {
        let assistant = live(tx, id).await?;
        if !assistant.opening.contains_key(&wanted.language) {
            return Err(Error::invalid("/language", "the assistant has no opening words in this language"));
        }
        let work = Work::OpeningClip { assistant: id.clone(), language: wanted.language };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    }
    tx.numbers().put(wanted).await.map_err(|error| conflict_if_not_unique(error, HELD))?;
    audit::record(tx, by, now, before, Some(wanted)).await
}
