//! Times that were given back, offered to those who wait for one, in the order in which they joined.
//!
//! Whoever gives a time back notes it in the same transaction ([`freed`]). One person at a time is called about it, with a
//! hold of the ledger's that keeps it for them; who says yes is booked through the ledger, and everything else (no, a
//! machine, nobody) gives the time to the next ([`follow`]). Whether somebody may be called is asked as for every call.

use tracing::info;

use crate::{
    app::{
        Error,
        bookings::{self, Asker, Wish},
    },
    domain::{
        booking::Appointment,
        id::{AppointmentId, OfferId, OutgoingId, TenantId},
        outgoing::{
            Cause, Channel, Ending, Kind, Origin, Outgoing, OutgoingSettings, OutgoingState,
            rules::{self, Decision, Facts},
        },
        phone::E164,
        time::Timestamp,
        waiting::{Asked, Offer, OfferState, Waiting, WaitingState},
    },
    platform::ids,
    store::{Store, TenantTx},
};

/// How long somebody is tried about a time before the next one is, in minutes.
pub const TRY_MINUTES: i64 = 10;
/// How long a time is kept for whoever is being tried, in minutes: longer than they are tried.
const HELD_MINUTES: i64 = 12;
/// How long it is kept from the moment they answer, in minutes.
pub(super) const TALK_MINUTES: i64 = 10;
/// How soon it is looked again what becomes of an attempt of which nothing was heard, in minutes.
const LOOK_MINUTES: i64 = 1;
/// How long is waited where nobody may be called at all, in minutes.
const IDLE_MINUTES: i64 = 10;
/// Places on the list that are looked at for one time.
const CANDIDATES_MAX: u32 = 500;
/// Who writes down attempts to offer a time, in the records.
const PLANNER: &str = "system:waiting-list";

/// Notes that a time was given back, if it was and somebody waits for such times, in the transaction that gives it back.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn freed(
    tx: &mut TenantTx,
    before: &Appointment,
    after: &Appointment,
    now: Timestamp,
) -> Result<(), Error> {
    let same = after.status.promised()
        && after.time.start == before.time.start
        && after.resource == before.resource
        && after.service == before.service;
    if same || !before.status.promised() {
        return Ok(());
    }
    let Some(latest) = tx.waiting().rule(&before.service).await? else { return Ok(()) };
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let day = zone.wall(before.time.start).date();
    if before.time.start <= now.plus_minutes(i64::from(latest))
        || tx.waiting().of_service(&before.service, day, 1).await?.is_empty()
    {
        return Ok(());
    }
    let offer = Offer {
        id: OfferId::of(ids::fresh(now)),
        service: before.service.clone(),
        resource: before.resource.clone(),
        start: before.time.start,
        freed_by: before.id.clone(),
        state: OfferState::Open,
        asked: None,
        look: now,
        made: now,
    };
    tx.waiting().add_offer(&offer).await?;
    Ok(())
}

/// Looks whom to ask about every offer of which it is time to look, at most `count_max`; how many people are asked anew.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan_due(store: &Store, now: Timestamp, count_max: u32) -> Result<usize, Error> {
    let mut planned = 0;
    for (tenant, id) in store.across_tenants().offers_due(now, count_max).await? {
        planned += usize::from(plan(store, &tenant, &id, now).await?);
    }
    Ok(planned)
}

/// Looks whom to ask about an offer; whether somebody is asked anew. Safe to run twice, and by two at once: the hold has a
/// name, and the offer says who is asked.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan(store: &Store, tenant: &TenantId, id: &OfferId, now: Timestamp) -> Result<bool, Error> {
    let Some((offer, next)) = choose(store, tenant, id, now).await? else { return Ok(false) };
    let by = Asker {
        tenant: tenant.clone(),
        call: None,
        key: Some(format!("offer/{}/{}", offer.id, next.waiting.id)),
        staff: None,
    };
    let held = match bookings::hold(store, &by, now, &wish(&offer)).await {
        Ok(held) => Some(held),
        // Somebody else was quicker, or a rule is against it: nobody is promised what cannot be had.
        Err(Error::Taken | Error::Refused(_) | Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let mut tx = store.begin(tenant).await?;
    tx.outgoing().lock().await?;
    let standing = tx.waiting().offer(id).await?;
    let open = standing.filter(|offer| offer.state == OfferState::Open && offer.asked.is_none());
    let (Some(offer), Some(held)) = (open.clone(), &held) else {
        if let Some(offer) = open {
            close(&mut tx, offer, OfferState::Over, now).await?;
            tx.commit().await?;
        }
        return Ok(false);
    };
    let new = attempt(&offer, &next, now);
    let waits = tx.waiting().get(&next.waiting.id).await?;
    if waits.is_none_or(|waits| waits.state != WaitingState::Waiting)
        || !tx.outgoing().add(&new, None, PLANNER).await?
    {
        tx.waiting().free(&held.id).await?;
        tx.commit().await?;
        return Ok(false);
    }
    tx.waiting().keep(&held.id, None, now.plus_minutes(HELD_MINUTES)).await?;
    tx.waiting().mark(&next.waiting.id, WaitingState::Offered, now).await?;
    let asked = Asked { waiting: next.waiting.id.clone(), outgoing: new.id.clone(), hold: held.id.clone() };
    let offer = Offer { asked: Some(asked), look: now.plus_minutes(LOOK_MINUTES), ..offer };
    tx.waiting().set_offer(&offer, now).await?;
    tx.commit().await?;
    info!(offer.id = %offer.id, outgoing.id = %new.id, "a freed time is offered");
    Ok(true)
}

/// Who is to be asked next, and from where.
struct Next {
    waiting: Waiting,
    to: E164,
    number: crate::domain::org::Number,
    assistant: crate::domain::id::AssistantId,
}

/// What is offered, and to whom next; `None` when nobody is to be asked just now, which is noted.
async fn choose(
    store: &Store,
    tenant: &TenantId,
    id: &OfferId,
    now: Timestamp,
) -> Result<Option<(Offer, Next)>, Error> {
    let mut tx = store.begin(tenant).await?;
    tx.outgoing().lock().await?;
    let Some(mut offer) = tx.waiting().offer(id).await? else { return Ok(None) };
    if offer.state != OfferState::Open {
        return Ok(None);
    }
    if let Some(asked) = &offer.asked {
        let attempt = tx.outgoing().get(&asked.outgoing).await?;
        let under_way = attempt.is_some_and(|one| match one.state {
            OutgoingState::Waiting | OutgoingState::Dialling | OutgoingState::Placed => true,
            OutgoingState::Over | OutgoingState::Dropped => false,
        });
        if under_way {
            offer.look = now.plus_minutes(LOOK_MINUTES);
            tx.waiting().set_offer(&offer, now).await?;
            tx.commit().await?;
            return Ok(None);
        }
        let_go(&mut tx, &mut offer, now).await?;
        if offer.state != OfferState::Open {
            tx.waiting().set_offer(&offer, now).await?;
            tx.commit().await?;
            return Ok(None);
        }
    }
    let latest = tx.waiting().rule(&offer.service).await?;
    let Some(latest) = latest.map(|latest| offer.start.plus_minutes(-i64::from(latest))) else {
        close(&mut tx, offer, OfferState::Over, now).await?;
        tx.commit().await?;
        return Ok(None);
    };
    if latest <= now {
        close(&mut tx, offer, OfferState::Over, now).await?;
        tx.commit().await?;
        return Ok(None);
    }
    let found = find(store, &mut tx, &offer, latest, now).await?;
    let next = match found {
        Found::Next(next) => Some((offer, *next)),
        Found::Later(at) => {
            offer.look = at;
            tx.waiting().set_offer(&offer, now).await?;
            None
        }
        Found::Nobody => {
            close(&mut tx, offer, OfferState::Over, now).await?;
            None
        }
    };
    tx.commit().await?;
    Ok(next)
}

/// What came of looking for somebody to ask.
enum Found {
    Next(Box<Next>),
    /// Not before then.
    Later(Timestamp),
    Nobody,
}

async fn find(
    store: &Store,
    tx: &mut TenantTx,
    offer: &Offer,
    latest: Timestamp,
    now: Timestamp,
) -> Result<Found, Error> {
    let settings = tx.outgoing().settings().await?.item;
    let held = match &settings.number {
        Some(number) => tx.numbers().revised(number).await?.map(|held| held.item),
        None => None,
    };
    let number = held.filter(|held| held.released.is_none()).map(|held| held.number);
    let (Some(number), true) = (number, settings.consent.is_some()) else {
        return Ok(Found::Later(now.plus_minutes(IDLE_MINUTES)));
    };
    let Some(assistant) = number.assistant.clone() else {
        return Ok(Found::Later(now.plus_minutes(IDLE_MINUTES)));
    };
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let day = zone.wall(offer.start).date();
    for waiting in tx.waiting().of_service(&offer.service, day, CANDIDATES_MAX).await? {
        if !waiting.wants(&offer.resource, offer.start, &zone)
            || tx.waiting().asked(&offer.id, &waiting.id).await?
        {
            continue;
        }
        // Whoever gave the time back does not want it; and who has an earlier one has what they wanted.
        if let Some(own) = &waiting.appointment {
            let own = tx.appointments().get(own).await?.filter(|own| own.status.promised());
            if own.is_some_and(|own| own.time.start <= offer.start) {
                continue;
            }
        }
        let gave = tx.appointments().get(&offer.freed_by).await?.and_then(|gave| gave.contact);
        if gave.as_ref() == Some(&waiting.contact) {
            continue;
        }
        let contact = tx.contacts().get(&waiting.contact).await?;
        let Some(to) = contact.and_then(|contact| contact.number) else { continue };
        match may(store, tx, &settings, &to, &zone, latest, now).await? {
            May::Now => {
                return Ok(Found::Next(Box::new(Next { waiting, to, number, assistant })));
            }
            // Who joined first is asked first, though it be in the morning.
            May::InTheMorning(at) => return Ok(Found::Later(at)),
            May::Not => {}
        }
    }
    Ok(Found::Nobody)
}

/// Whether somebody may be asked.
enum May {
    Now,
    /// It is their night.
    InTheMorning(Timestamp),
    /// Never, or not in time.
    Not,
}

async fn may(
    store: &Store,
    tx: &mut TenantTx,
    settings: &OutgoingSettings,
    to: &E164,
    zone: &crate::domain::time::Zone,
    latest: Timestamp,
    now: Timestamp,
) -> Result<May, Error> {
    let nobody = OutgoingId::of(ids::fresh(now));
    let attempts = tx.outgoing().attempts(to, now.plus_minutes(-rules::WEEK_MIN), &nobody).await?;
    let facts = Facts {
        settings,
        to,
        channel: Channel::Call,
        kind: Kind::Offer,
        zone: None,
        tenant_zone: zone,
        own_number: store.across_tenants().number(to).await?.is_some(),
        opted_out: tx.opt_outs().of(to).await?.is_some(),
        appointment_stands: true,
        attempts: &attempts,
        // Lines that are taken are free again in a minute.
        out: 0,
        expires: Some(latest),
    };
    Ok(match rules::decide(&facts, now) {
        Decision::Now => May::Now,
        Decision::Never(_) => May::Not,
        Decision::Later(_) => match rules::decide(&Facts { attempts: &[], ..facts }, now) {
            Decision::Later(at) => May::InTheMorning(at),
            Decision::Now | Decision::Never(_) => May::Not,
        },
    })
}

fn wish(offer: &Offer) -> Wish {
    Wish {
        service: offer.service.clone(),
        start: offer.start,
        resource: Some(offer.resource.clone()),
        seats: 1,
    }
}

fn attempt(offer: &Offer, next: &Next, now: Timestamp) -> Outgoing {
    Outgoing {
        cause: Some(Cause::Offer(offer.id.clone(), next.waiting.id.clone())),
        contact: Some(next.waiting.contact.clone()),
        expires: Some(now.plus_minutes(TRY_MINUTES).min(offer.start)),
        ..Outgoing::waiting(
            OutgoingId::of(ids::fresh(now)),
            Kind::Offer,
            next.to.clone(),
            Origin {
                number: next.number.id.clone(),
                assistant: next.assistant.clone(),
                language: next.waiting.language.unwrap_or(next.number.language),
            },
            now,
        )
    }
}

/// Whether the time is theirs who were asked, though nobody has noted so: a call can break off between the two.
async fn theirs(tx: &mut TenantTx, offer: &Offer, asked: &Asked) -> Result<bool, Error> {
    let Some(waiting) = tx.waiting().get(&asked.waiting).await? else { return Ok(false) };
    for id in std::iter::once(&asked.hold).chain(&waiting.appointment) {
        let standing = tx.appointments().get(id).await?;
        let own = standing.filter(|one| one.status.promised() && one.time.start == offer.start);
        if own.is_some_and(|one| one.contact.as_ref() == Some(&waiting.contact)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever was asked is asked no more: they wait as before, and the time is the next one's; unless it is theirs already,
/// which is noted then.
async fn let_go(tx: &mut TenantTx, offer: &mut Offer, now: Timestamp) -> Result<(), Error> {
    if let Some(asked) = offer.asked.take() {
        if theirs(tx, offer, &asked).await? {
            tx.waiting().mark(&asked.waiting, WaitingState::Booked, now).await?;
            offer.state = OfferState::Taken;
            return Ok(());
        }
        tx.waiting().free(&asked.hold).await?;
        tx.waiting().mark(&asked.waiting, WaitingState::Waiting, now).await?;
    }
    Ok(())
}

async fn close(tx: &mut TenantTx, mut offer: Offer, state: OfferState, now: Timestamp) -> Result<(), Error> {
    let_go(tx, &mut offer, now).await?;
    if offer.state == OfferState::Open {
        offer.state = state;
    }
    tx.waiting().set_offer(&offer, now).await?;
    Ok(())
}

/// Whether an attempt to offer something still makes sense.
pub(super) async fn stands(tx: &mut TenantTx, one: &Outgoing) -> Result<bool, Error> {
    let Some(Cause::Offer(offer, waiting)) = &one.cause else { return Ok(false) };
    let offer = tx.waiting().offer(offer).await?;
    let asked = offer.filter(|offer| offer.state == OfferState::Open).and_then(|offer| offer.asked);
    let waits = tx.waiting().get(waiting).await?;
    Ok(asked.is_some_and(|asked| asked.outgoing == one.id)
        && waits.is_some_and(|waits| waits.state == WaitingState::Offered))
}

/// An attempt to offer something has ended, and nobody said yes: the next one is asked.
pub(super) async fn follow(
    tx: &mut TenantTx,
    one: &Outgoing,
    _: Ending,
    now: Timestamp,
) -> Result<(), Error> {
    pass(tx, one, now).await
}

/// The one who is asked in this attempt does not have the time: the next one is asked.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn pass(tx: &mut TenantTx, one: &Outgoing, now: Timestamp) -> Result<(), Error> {
    let Some(Cause::Offer(id, _)) = &one.cause else { return Ok(()) };
    let Some(mut offer) = tx.waiting().offer(id).await? else { return Ok(()) };
    let asked = offer.asked.as_ref().is_some_and(|asked| asked.outgoing == one.id);
    if offer.state == OfferState::Open && asked {
        let_go(tx, &mut offer, now).await?;
        offer.look = now;
        tx.waiting().set_offer(&offer, now).await?;
    }
    Ok(())
}

/// What keeps the time for the one who is asked in this attempt, if they still are.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn kept_for(
    tx: &mut TenantTx,
    one: &Outgoing,
) -> Result<Option<(Offer, Waiting, AppointmentId)>, Error> {
    let Some(Cause::Offer(id, waiting)) = &one.cause else { return Ok(None) };
    if !stands(tx, one).await? {
        return Ok(None);
    }
    let (offer, waiting) = (tx.waiting().offer(id).await?, tx.waiting().get(waiting).await?);
    Ok(match (offer, waiting) {
        (Some(offer), Some(waiting)) => offer.asked.clone().map(|asked| (offer, waiting, asked.hold)),
        _ => None,
    })
}

/// The one who was asked has taken the time: it is offered to nobody else, and they wait no more.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn taken(tx: &mut TenantTx, offer: &Offer, waiting: &Waiting, now: Timestamp) -> Result<(), Error> {
    let taken = Offer { state: OfferState::Taken, ..offer.clone() };
    tx.waiting().set_offer(&taken, now).await?;
    tx.waiting().mark(&waiting.id, WaitingState::Booked, now).await?;
    info!(offer.id = %offer.id, "a freed time was taken");
    Ok(())
}
