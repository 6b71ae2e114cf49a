//! Closing days and absences: entered once, taken off everybody's hours they concern, and off again.
//!
//! What they mean for free times is [`domain::availability`](crate::domain::availability)'s to say. Whom they leave
//! stranded is told by [`stranded`](super::stranded), derived from what stands. Public holidays are proposed and never
//! entered by themselves.

use jiff::civil;

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
};
use crate::{
    domain::{
        booking::Window,
        closing::{Closure, ClosureError, ClosureKind, Part},
        holidays::{self, Holiday, Land, YEAR_MAX, YEAR_MIN},
        id::{ClosureId, ResourceId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::{Timestamp, Zone},
    },
    platform::ids,
    store::{Page, Place, Store, TenantTx},
};

/// Closing days and absences of one tenant.
pub const CLOSURES_MAX: u64 = 1_000;
/// Longest name of a closure, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest absence that is entered from this moment on, in dates.
pub const ABSENCE_DAYS_MAX: i64 = 366;

impl Audited for Closure {
    const KIND: &'static str = "closure";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let (part, from, until) = match self.part {
            Part::Whole => ("whole", None, None),
            Part::Daily { from, until } => ("daily", Some(from), Some(until)),
            Part::Through { from, until } => ("through", Some(from), Some(until)),
        };
        // What an absence is called may say why somebody is away.
        Parts::new()
            .with("resource", self.resource.as_ref().map(ResourceId::as_str))
            .with("kind", self.kind.as_str())
            .hiding("name", Some(self.name.as_str()).filter(|name| !name.is_empty()))
            .with("first", self.first.to_string())
            .with("last", self.last.to_string())
            .with("part", part)
            .with("from", from.map(|at| at.to_string()))
            .with("until", until.map(|at| at.to_string()))
            .with("yearly", self.yearly)
    }
}

/// The closing days and absences, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Revised<Closure>>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    Ok(store.read(by.tenant()).await?.closures().page(after, count_max).await?)
}

/// One of them.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ClosureId) -> Result<Revised<Closure>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Enters a closing day or an absence. Whoever looks after callers may enter that somebody is away; everything else is
/// for who sets up the hours.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: Closure,
) -> Result<Revised<Closure>, Error> {
    may_write(by, &wanted)?;
    let mut tx = store.begin(by.tenant()).await?;
    let wanted = check(&mut tx, wanted).await?;
    if tx.closures().count().await? >= CLOSURES_MAX {
        return Err(Error::Limit { name: "closing days and absences", max: CLOSURES_MAX });
    }
    tx.closures().add(&wanted, now).await?;
    audit::record(&mut tx, by, now, None, Some(&wanted)).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes a closing day or an absence as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ClosureId,
    seen: Option<Revision>,
    change: impl FnOnce(&Closure) -> Result<Closure, Error>,
) -> Result<Revised<Closure>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    may_write(by, &before.item)?;
    before.must_be(seen)?;
    let wanted = Closure { id: id.clone(), ..change(&before.item)? };
    may_write(by, &wanted)?;
    let wanted = check(&mut tx, wanted).await?;
    if wanted == before.item {
        return Ok(before);
    }
    if !tx.closures().set(&wanted).await? {
        return Err(Error::NotFound("closure"));
    }
    audit::record(&mut tx, by, now, Some(&before.item), Some(&wanted)).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a closing day or an absence away: the hours it took are open again.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ClosureId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Read, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    may_write(by, &before.item)?;
    before.must_be(seen)?;
    tx.closures().remove(id).await?;
    audit::record(&mut tx, by, now, Some(&before.item), None).await?;
    Ok(tx.commit().await?)
}

/// Until when somebody is away who is away from this moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The end of that local date.
    Date(civil::Date),
    /// That instant, to the minute.
    At(Timestamp),
}

/// Somebody is away, from this minute on: their time is kept free of everything at once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn absent(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    resource: &ResourceId,
    until: Until,
    name: String,
) -> Result<Revised<Closure>, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    drop(tx);
    create(store, by, now, absence(resource, now, until, &zone, name)?).await
}

fn absence(
    resource: &ResourceId,
    now: Timestamp,
    until: Until,
    zone: &Zone,
    name: String,
) -> Result<Closure, Error> {
    let minute = |at: civil::Time| civil::time(at.hour(), at.minute(), 0, 0);
    let began = zone.wall(now).datetime();
    let (last, ends) = match until {
        Until::Date(date) => (date, Window::DAY_END),
        Until::At(at) => {
            let wall = zone.wall(at).datetime();
            match wall.time() == civil::Time::midnight() {
                // The first instant of a date is the end of the one before.
                true => (wall.date().yesterday().unwrap_or(wall.date()), Window::DAY_END),
                false => (wall.date(), minute(wall.time())),
            }
        }
    };
    let days = i64::from((last - began.date()).get_days()) + 1;
    if days > ABSENCE_DAYS_MAX {
        return Err(Error::invalid("/until", format!("must be at most {ABSENCE_DAYS_MAX} days ahead")));
    }
    if last < began.date() || (last == began.date() && ends <= minute(began.time())) {
        return Err(Error::invalid("/until", "must lie ahead"));
    }
    Ok(Closure {
        id: ClosureId::of(ids::fresh(now)),
        resource: Some(resource.clone()),
        kind: ClosureKind::Absence,
        name,
        first: began.date(),
        last,
        part: Part::Through { from: minute(began.time()), until: ends },
        yearly: false,
    })
}

/// A public holiday that is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposed {
    /// Which.
    pub holiday: Holiday,
    /// What closes everybody on its date already, if something does.
    pub closure: Option<ClosureId>,
}

/// The public holidays of a federal state in a year, with what has been made of each. Nothing is entered.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for a year of which nothing is known; [`Error::Unavailable`].
pub async fn propose(store: &Store, by: &Actor, land: Land, year: i16) -> Result<Vec<Proposed>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
        return Err(Error::invalid("?year", format!("must be from {YEAR_MIN} to {YEAR_MAX}")));
    }
    let closures = store.read(by.tenant()).await?.closures().all().await?;
    let whole = Window { opens: civil::Time::midnight(), closes: Window::DAY_END };
    let proposed = holidays::holidays(land, year).into_iter().map(|holiday| {
        let closure = closures
            .iter()
            .find(|closure| closure.resource.is_none() && closure.on(holiday.date) == Some(whole))
            .map(|closure| closure.id.clone());
        Proposed { holiday, closure }
    });
    Ok(proposed.collect())
}

fn may_write(by: &Actor, closure: &Closure) -> Result<(), Error> {
    let away = closure.kind == ClosureKind::Absence && closure.resource.is_some();
    by.must(Verb::Write, if away { Subject::Appointments } else { Subject::Resources })
}

async fn kept(tx: &mut TenantTx, id: &ClosureId) -> Result<Revised<Closure>, Error> {
    tx.closures().get(id).await?.ok_or(Error::NotFound("closure"))
}

/// Everything that must hold for a closure, told at once; as it is kept.
async fn check(tx: &mut TenantTx, wanted: Closure) -> Result<Closure, Error> {
    let mut faults = Faults::new();
    let name = wanted.name.trim().to_owned();
    faults.unless(
        name.chars().count() <= NAME_CHARS_MAX,
        "/name",
        format!("must be at most {NAME_CHARS_MAX} characters"),
    );
    if let Err(error) = wanted.check() {
        let at = match error {
            ClosureError::Backwards | ClosureError::TooLong | ClosureError::MeetsItself => "/last",
            ClosureError::Empty => "/until",
        };
        faults.unless(false, at, error.to_string());
    }
    if let Some(resource) = &wanted.resource {
        let known = tx.resources().get(resource).await?.is_some();
        faults.unless(known, "/resource", "there is no such resource");
    }
    faults.settle()?;
    Ok(Closure { name, ..wanted })
}
