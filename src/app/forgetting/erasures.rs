//! People who are to be forgotten: asked for by staff or by themselves in a call, done by a job, kept as a receipt.

use std::time::Duration;

use super::{Forgetting, nothing, pieces::Went};
use crate::{
    app::{
        Error,
        access::{Actor, Who},
        audit,
        webhooks::{self, Event},
    },
    domain::{
        forgetting::{ByCaller, Counts, Erasure, ErasureState, Person, digits},
        id::{ErasureId, JobId, TenantId},
        outgoing::number,
        people::{Subject, Verb},
        phone::E164,
        time::Timestamp,
    },
    platform::ids,
    store::{Known, Page, Place, Root, Store, TenantTx, Work},
};

/// Who asks in a call: the person themselves.
const CALLER: &str = "caller";
/// From which taking of the job on nothing outside is waited for any more: what a calendar does not give back stands on the
/// receipt.
const PATIENT_ATTEMPTS: u32 = 5;
/// How long to wait for a call that is in the air, or for work somebody is at: at first, and when it takes longer.
const BUSY_WAIT: Duration = Duration::from_secs(15);
const BUSY_WAIT_MAX: Duration = Duration::from_secs(5 * 60);

/// Who is to be forgotten, as it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whoever has that number, as people write numbers.
    Number(String),
    /// That contact.
    Contact(String),
}

/// The person who is meant, if the tenant's.
///
/// # Errors
/// [`Error::Invalid`] when there is no such contact, or it is no number.
pub(super) async fn person(tx: &mut TenantTx, whom: &Whom) -> Result<(Person, String), Error> {
    match whom {
        Whom::Number(text) => {
            let number: E164 = match number::callable(text, None) {
                Ok(callable) => callable.number,
                Err(why) => text.trim().parse().map_err(|_| Error::invalid("/number", why.to_string()))?,
            };
            let digits = digits(&number);
            Ok((Person::Number(number), digits))
        }
        Whom::Contact(text) => {
            let unknown = || Error::invalid("/contact", "there is no such contact");
            let id = text.parse().map_err(|_| unknown())?;
            let contact = tx.contacts().get(&id).await?.ok_or_else(unknown)?;
            let digits = contact.number.as_ref().map(digits).unwrap_or_default();
            Ok((Person::Contact(id), digits))
        }
    }
}

/// The erasures, in the order of their asking.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Erasure>, Error> {
    by.must(Verb::Read, Subject::Privacy)?;
    Ok(store.read(by.tenant()).await?.forgetting().erasures(after, count_max).await?)
}

/// One of them: the receipt, once it is done.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ErasureId) -> Result<Erasure, Error> {
    by.must(Verb::Read, Subject::Privacy)?;
    store.read(by.tenant()).await?.forgetting().erasure(id).await?.ok_or(Error::NotFound("erasure"))
}

/// Has somebody forgotten, soon.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn ask(store: &Store, by: &Actor, now: Timestamp, whom: &Whom) -> Result<Erasure, Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    let (person, digits) = person(&mut tx, whom).await?;
    let erasure = Erasure {
        id: ErasureId::of(ids::fresh(now)),
        person: Some(person),
        digits,
        state: ErasureState::Running,
        asked_by: by.to_string(),
        asked: now,
        approved_by: None,
        ended: None,
        counts: Counts::new(),
    };
    keep(&mut tx, by, now, &erasure).await?;
    tx.commit().await?;
    Ok(erasure)
}

/// Agrees to what a caller has asked for.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it does not wait for that; [`Error::Unavailable`].
pub async fn approve(store: &Store, by: &Actor, now: Timestamp, id: &ErasureId) -> Result<Erasure, Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.forgetting().erasure(id).await?.ok_or(Error::NotFound("erasure"))?;
    if !tx.forgetting().approve(id, &by.to_string()).await? {
        return Err(Error::Conflict("only an erasure that was requested can be approved"));
    }
    tx.jobs().add(&JobId::of(ids::fresh(now)), &Work::Erase { erasure: id.clone() }, now).await?;
    audit::tell(&mut tx, by, now, "erasure.approved", id.as_str(), nothing()).await?;
    let erasure = tx.forgetting().erasure(id).await?.ok_or(Error::NotFound("erasure"))?;
    tx.commit().await?;
    Ok(erasure)
}

/// Does not agree to what a caller has asked for. The law may want a reason to be given to them.
///
/// # Errors
/// As [`approve`].
pub async fn decline(store: &Store, by: &Actor, now: Timestamp, id: &ErasureId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    let erasure = tx.forgetting().erasure(id).await?.ok_or(Error::NotFound("erasure"))?;
    if erasure.state != ErasureState::Requested {
        return Err(Error::Conflict("only an erasure that was requested can be declined"));
    }
    tx.forgetting().end_erasure(id, ErasureState::Declined, Some(&by.to_string()), now).await?;
    audit::tell(&mut tx, by, now, "erasure.declined", id.as_str(), nothing()).await?;
    Ok(tx.commit().await?)
}

/// Notes that a caller wants to be forgotten; what becomes of that. Asked twice, it is one wish.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn wish(tx: &mut TenantTx, now: Timestamp, number: &E164) -> Result<ByCaller, Error> {
    let answer = tx.forgetting().retention().await?.item.by_caller;
    // Nobody who has not typed a PIN has what it guards deleted at once.
    let guarded = tx.services().all().await?.iter().any(|service| service.sensitive);
    let answer = if guarded { ByCaller::Approve } else { answer };
    if let Some(asked) = tx.forgetting().erasure_of(number).await? {
        return Ok(if asked.state == ErasureState::Requested { ByCaller::Approve } else { ByCaller::AtOnce });
    }
    let erasure = Erasure {
        id: ErasureId::of(ids::fresh(now)),
        person: Some(Person::Number(number.clone())),
        digits: digits(number),
        state: match answer {
            ByCaller::Approve => ErasureState::Requested,
            ByCaller::AtOnce => ErasureState::Running,
        },
        asked_by: CALLER.to_owned(),
        asked: now,
        approved_by: None,
        ended: None,
        counts: Counts::new(),
    };
    let by = Actor::new(tx.tenant_id().clone(), Who::System(CALLER));
    keep(tx, &by, now, &erasure).await?;
    Ok(answer)
}

async fn keep(tx: &mut TenantTx, by: &Actor, now: Timestamp, erasure: &Erasure) -> Result<(), Error> {
    tx.forgetting().add_erasure(erasure).await?;
    if erasure.state == ErasureState::Running {
        let work = Work::Erase { erasure: erasure.id.clone() };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    } else {
        webhooks::tell(tx, now, Event::ErasureRequested(&erasure.id)).await?;
    }
    audit::tell(tx, by, now, "erasure.asked", erasure.id.as_str(), nothing()).await
}

impl Forgetting {
    /// Forgets somebody, as far as it can be done; `attempts` is how often it has been begun. Goes on where it stopped.
    ///
    /// # Errors
    /// [`Error::Later`] while a call with the person is in the air or somebody is at something of theirs;
    /// [`Error::Unavailable`] when the database, the blobs or a calendar are away.
    pub async fn erase(&self, tenant: &TenantId, id: &ErasureId, attempts: u32) -> Result<(), Error> {
        let patient = attempts < PATIENT_ATTEMPTS;
        let wait = if patient { BUSY_WAIT } else { BUSY_WAIT_MAX };
        let busy = Error::Later { wait, why: "something of the person's is in use" };
        loop {
            let mut tx = self.store.read(tenant).await?;
            let erasure = tx.forgetting().erasure(id).await?;
            let Some(erasure) = erasure.filter(|erasure| erasure.state == ErasureState::Running) else {
                return Ok(());
            };
            // Whom it was about is forgotten last: whoever comes after that only has to say so.
            let Some(person) = erasure.person else { return self.finish(tenant, id, None).await };
            let known = tx.forgetting().known(&person).await?;
            drop(tx);
            self.drop_copies(tenant, id, &person, &known).await?;
            if known.is_empty() {
                return self.finish(tenant, id, known.number.as_ref()).await;
            }
            if !self.erase_known(tenant, id, &known, patient).await? {
                return Err(busy);
            }
        }
    }

    /// Removes what is known; whether anything went or is to be looked at again.
    async fn erase_known(
        &self,
        tenant: &TenantId,
        id: &ErasureId,
        known: &Known,
        patient: bool,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        if let Some(number) = &known.number {
            let mut tx = self.store.begin(tenant).await?;
            tx.outgoing().drop_of(number, now).await?;
            tx.commit().await?;
        }
        let mut all = !known.being_called;
        let mut fetched = true;
        for message in &known.messages {
            fetched &= self.message(tenant, message, Some(id), patient).await? == Went::Gone;
        }
        all &= fetched;
        // A message that is still to be fetched from Twilio is found by its call: calls wait for messages.
        for call in known.calls.iter().filter(|_| fetched) {
            all &= self.call(tenant, call, Some(id)).await? == Went::Gone;
        }
        for appointment in &known.appointments {
            all &= self.appointment(tenant, appointment, Some(id), patient).await? == Went::Gone;
        }
        // Who they are is what leads to the rest: it goes last.
        if all {
            if let Some(number) = &known.number {
                self.rows(tenant, Root::Number, number.as_str(), Some(id)).await?;
            }
            for contact in &known.contacts {
                let mut tx = self.store.read(tenant).await?;
                let left = tx.forgetting().known(&Person::Contact(contact.clone())).await?;
                drop(tx);
                if left.calls.is_empty() && left.appointments.is_empty() {
                    all &= self.rows(tenant, Root::Contact, contact.as_str(), Some(id)).await? == Went::Gone;
                }
            }
        }
        Ok(all)
    }

    /// Copies in which the person stands go, too: their own, and those of everything.
    async fn drop_copies(
        &self,
        tenant: &TenantId,
        id: &ErasureId,
        person: &Person,
        known: &Known,
    ) -> Result<(), Error> {
        let own = match person {
            Person::Contact(contact) => Some(contact),
            Person::Number(_) => None,
        };
        let mut copies = vec![];
        let mut tx = self.store.read(tenant).await?;
        for contact in own.into_iter().chain(&known.contacts).map(Some).chain([None]) {
            copies.extend(tx.forgetting().exports_holding(Some((known.number.as_ref(), contact))).await?);
        }
        drop(tx);
        for copy in copies {
            if self.drop_copy(tenant, &copy).await? {
                let mut tx = self.store.begin(tenant).await?;
                tx.forgetting().count(id, &Counts::from([("exports".to_owned(), 1)])).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Nothing is left to be found: what still names the number goes, and what the database keeps of rows that went.
    async fn finish(&self, tenant: &TenantId, id: &ErasureId, number: Option<&E164>) -> Result<(), Error> {
        if let Some(number) = number {
            self.rows(tenant, Root::Number, number.as_str(), Some(id)).await?;
        }
        let mut tx = self.store.begin(tenant).await?;
        tx.forgetting().forget_whom(id).await?;
        tx.commit().await?;
        // Done is told when the files hold nothing any more.
        self.tidy(false).await?;
        let now = self.clock.now();
        let mut tx = self.store.begin(tenant).await?;
        let erasure = tx.forgetting().erasure(id).await?.ok_or(Error::NotFound("erasure"))?;
        let by = Actor::new(tenant.clone(), Who::System("forgetting"));
        if tx.forgetting().end_erasure(id, ErasureState::Done, erasure.approved_by.as_deref(), now).await? {
            audit::tell(&mut tx, &by, now, "erasure.done", id.as_str(), serde_json::json!(erasure.counts))
                .await?;
        }
        tx.commit().await?;
        tracing::info!(erasure.id = %id, "somebody is forgotten");
        Ok(())
    }

    /// Has the database give up what it keeps of rows that went. One that cannot does so in its own time.
    pub(super) async fn tidy(&self, whole: bool) -> Result<(), Error> {
        for _ in 0..TIDY_ATTEMPTS {
            match self.clock.within(TIDY_TIME_MAX, self.store.tidy(whole)).await {
                Some(Ok(true)) => return Ok(()),
                Some(Ok(false)) => self.clock.sleep(TIDY_WAIT).await,
                None => {
                    tracing::warn!("rows that went are still in the database's files: it takes too long");
                    return Ok(());
                }
                Some(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "rows that went are still in the database's files"
                    );
                    return Ok(());
                }
            }
        }
        tracing::warn!("rows that went are still in the database's log: somebody keeps reading");
        Ok(())
    }
}

/// How long the database may take for it.
const TIDY_TIME_MAX: Duration = Duration::from_secs(3 * 60);
/// How often somebody who reads is waited for.
const TIDY_ATTEMPTS: u32 = 20;
/// How long, each time.
const TIDY_WAIT: Duration = Duration::from_millis(250);
