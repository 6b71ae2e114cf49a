//! Free times: found, kept, booked.

use jiff::{ToSpan, civil};
use serde_json::{Value, json};

use super::{
    BOOKINGS_PER_CALL_MAX, NAME_CHARS_MAX, NOTE_CHARS_MAX, Reply, Request, State, Toolbox, Trouble,
    arguments::{self, Book, FindSlots, HoldSlot},
    identity,
    offers::{self, Choice, Offer, choose},
    specs::service_name,
    words::{self, Say},
};
use crate::{
    app::{self, bookings},
    domain::{
        availability::Slot,
        booking::{Appointment, AppointmentStatus, Resource, Service},
        contact::Contact,
        id::{AppointmentId, ContactId},
        time::Timestamp,
        when::{Question, TimeOfDay, When, resolve},
    },
    platform::ids,
    store::{self, TenantTx},
};

/// How far ahead of the first wished date is searched, in days: first nearby, then far.
const SEARCHED_DAYS: [i32; 2] = [14, 92];
/// Slots looked at in one search.
const LOOKED_AT_MAX: usize = 4_000;

impl Toolbox {
    pub(super) async fn find_slots(&self, state: &mut State, asked: FindSlots) -> Result<Reply, Trouble> {
        let Some(text) = asked.when else { return Ok(self.ask("need_when", Say::WhichTime)) };
        let now = self.clock.now();
        let zone = &self.context.tenant.zone;
        let wish = match resolve(&text, self.language(), now, zone) {
            // Both times are offered; what is said of them tells them apart.
            Ok(when) | Err(Question::Twice { when }) => when,
            Err(question) => {
                let today = zone.wall(now).date();
                return Ok(Reply::new("unclear", words::question(&question, today, self.language())));
            }
        };
        let moving = match &asked.appointment {
            None => None,
            Some(key) => match state.own.get(key) {
                Some(own) => Some(own.appointment.clone()),
                None => return Ok(self.ask("unknown_appointment", Say::WhichAppointment)),
            },
        };
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let services = self.services(&mut tx).await?;
        let wanted = match &moving {
            Some(appointment) => services.iter().find(|service| service.id == appointment.service),
            None => named_service(&services, asked.service.as_deref()),
        };
        let Some(service) = wanted else {
            let names: Vec<&str> =
                services.iter().map(|service| service_name(service, self.language())).collect();
            return Ok(self.ask("need_service", Say::WhichService).with("services", names));
        };
        let resources = tx.resources().of_service(&service.id).await?;
        drop(tx);
        let with = match asked.with.as_deref().map(|name| person(&resources, name)) {
            None | Some(Person::Anybody) => None,
            Some(Person::One(resource)) => Some(resource),
            Some(Person::Unclear) => {
                let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
                return Ok(self.ask("need_person", Say::WhichPerson).with("persons", names));
            }
        };
        let moving = moving.as_ref().map(|own| &own.id);
        let search = Search { service, with, moving, hold: state.hold.clone(), taken: None };
        let choice = self.search(&search, wish, now).await?;
        if choice.slots.is_empty() && !self.calendars_known(&resources).await? {
            // Nothing is known to be free, which is not the same as nothing being free.
            return Ok(self.unavailable());
        }
        Ok(self.offer(state, &search, choice, now))
    }

    /// Whether all that keeps others out of these resources' time has been learnt.
    async fn calendars_known(&self, resources: &[Resource]) -> Result<bool, Trouble> {
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let blocking = tx.outside_events().blocking().await?;
        Ok(blocking
            .iter()
            .filter(|one| resources.iter().any(|resource| resource.id == one.resource))
            .all(|one| one.known_until.is_some()))
    }

    pub(super) async fn hold_slot(
        &self,
        state: &mut State,
        request: &Request,
        asked: HoldSlot,
    ) -> Result<Reply, Trouble> {
        let Some(offer) = asked.slot.as_deref().and_then(|key| state.offers.get(key)).cloned() else {
            return Ok(self.ask("unknown_slot", Say::WhichSlot));
        };
        if let Some(booked) = state.booked_at(&offer) {
            return Ok(self.booked(state, booked, &offer));
        }
        if offer.moving.is_some() {
            // The appointment that is to be moved may stand in its own way; nobody else gets past it either.
            let say = words::offer(&[&offer.spoken], self.language());
            return Ok(Reply::new("ready", say).with("slot", offer.key).with("spoken", offer.spoken));
        }
        let now = self.clock.now();
        match bookings::hold(&self.store, &self.asker(request), now, &offer.wish()).await {
            Ok(kept) => {
                state.hold = Some(kept.id);
                let say = words::kept(&offer.spoken, self.language());
                Ok(Reply::new("held", say)
                    .with("slot", offer.key)
                    .with("spoken", offer.spoken)
                    .with("minutes", bookings::HOLD_MINUTES))
            }
            Err(app::Error::Taken | app::Error::Refused(_)) => self.instead(state, &offer).await,
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn book(
        &self,
        state: &mut State,
        request: &Request,
        asked: Book,
    ) -> Result<Reply, Trouble> {
        let Some(offer) = asked.slot.as_deref().and_then(|key| state.offers.get(key)).cloned() else {
            return Ok(self.ask("unknown_slot", Say::WhichSlot));
        };
        if let Some(booked) = state.booked_at(&offer) {
            return Ok(self.booked(state, booked, &offer));
        }
        if offer.moving.is_some() {
            return Err(Trouble::Mistake(
                "This slot was offered for moving: use move_appointment.".to_owned(),
            ));
        }
        let name = asked.name.map(|name| arguments::tidy(&name, NAME_CHARS_MAX)).unwrap_or_default();
        if !name.chars().any(char::is_alphabetic) {
            return Ok(self.ask("need_name", Say::WhatName));
        }
        if state.booked.len() + state.given_back >= BOOKINGS_PER_CALL_MAX {
            return Ok(self.enough("bookings_per_call"));
        }
        let now = self.clock.now();
        let contact = self.contact(state, &name, now).await?;
        let note = asked.notes.map(|notes| arguments::tidy(&notes, NOTE_CHARS_MAX)).unwrap_or_default();
        let by = self.asker(request);
        let wish = offer.wish();
        match bookings::book(&self.ledger, &by, now, &wish, &contact, &note, state.hold.as_ref()).await {
            Ok(booked) => {
                state.hold = None;
                let booked = self.settled(booked).await?;
                if !booked.status.promised() {
                    // Its calendar had something there first: nothing has been promised.
                    return self.instead(state, &offer).await;
                }
                tracing::info!(call.id = %self.context.call, appointment.id = %booked.id, "an appointment was booked");
                state.booked.push(booked.clone());
                Ok(self.booked(state, booked, &offer))
            }
            Err(app::Error::Taken | app::Error::Refused(_)) => self.instead(state, &offer).await,
            Err(error) => Err(error.into()),
        }
    }

    fn booked(&self, state: &mut State, booked: Appointment, offer: &Offer) -> Reply {
        let (status, say) = if booked.status == AppointmentStatus::Pending {
            ("noted", words::noted(&offer.spoken, self.language()))
        } else {
            ("booked", words::booked(&offer.spoken, self.language()))
        };
        let told = state.own.tell(booked, offer.spoken.clone());
        Reply::new(status, say).with("spoken", told.spoken).with("appointment", told.key)
    }

    /// The appointment once its calendar has confirmed it, or as it stands when the caller has waited long enough.
    pub(super) async fn settled(&self, appointment: Appointment) -> Result<Appointment, Trouble> {
        let (tenant, patience) = (&self.context.tenant.id, bookings::CONFIRM_PATIENCE);
        Ok(self.ledger.settled(tenant, appointment, self.clock, patience).await?)
    }

    /// The contact an appointment is made for: the one of that name who calls from this number, or a new one.
    pub(super) async fn contact(
        &self,
        state: &State,
        name: &str,
        now: Timestamp,
    ) -> Result<ContactId, Trouble> {
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        let known = match &self.context.caller {
            Some(number) => tx.contacts().by_number(number).await?,
            None => Vec::new(),
        };
        let who_calls = known.iter().find(|contact| Some(&contact.id) == state.contact.as_ref());
        let same = who_calls
            .filter(|contact| identity::agrees(name, &contact.name))
            .or_else(|| known.iter().find(|contact| identity::same(name, &contact.name)));
        if let Some(contact) = same {
            return Ok(contact.id.clone());
        }
        let contact = Contact {
            id: ContactId::of(ids::fresh(now)),
            name: name.to_owned(),
            number: self.context.caller.clone(),
            born: None,
            note: String::new(),
            email: None,
        };
        tx.contacts().put(&contact, now).await?;
        tx.commit().await?;
        Ok(contact.id)
    }

    /// Looks for what suits a wish, or for something else.
    async fn search(&self, search: &Search<'_>, wish: When, now: Timestamp) -> Result<Choice, Trouble> {
        let zone = &self.context.tenant.zone;
        for days in SEARCHED_DAYS {
            let reach = wish.from.saturating_add(i64::from(days).days());
            let last = offers::later(wish.to.min(reach));
            let free = self.free(search, wish.from, last, now).await?;
            let within = When { to: wish.to.min(reach), ..wish.clone() };
            let choice = choose(free, &within, zone);
            if choice.fits || (!choice.slots.is_empty() && wish.to <= reach) {
                return Ok(choice);
            }
        }
        // Nothing then: what there is from today on.
        let today = zone.wall(now).date();
        let anything = When { from: today, to: offers::later(today), weekdays: None, time: None };
        let free = self.free(search, anything.from, anything.to, now).await?;
        Ok(Choice { fits: false, ..choose(free, &anything, zone) })
    }

    async fn free(
        &self,
        search: &Search<'_>,
        from: civil::Date,
        to: civil::Date,
        now: Timestamp,
    ) -> Result<Vec<Slot>, Trouble> {
        let asked = bookings::Search {
            service: search.service.id.clone(),
            from,
            to,
            resource: search.with.map(|resource| resource.id.clone()),
            moving: search.moving.cloned().or_else(|| search.hold.clone()),
            count_max: LOOKED_AT_MAX,
        };
        let mut free = bookings::find(&self.store, &self.context.tenant.id, now, &asked).await?;
        free.retain(|slot| Some(slot.time.start) != search.taken);
        Ok(free)
    }

    /// Puts slots before the caller.
    fn offer(&self, state: &mut State, search: &Search<'_>, choice: Choice, now: Timestamp) -> Reply {
        let language = self.language();
        let new = choice.slots.into_iter().map(|slot| Offer {
            key: String::new(),
            service: search.service.id.clone(),
            start: slot.time.start,
            with: search.with.map(|resource| resource.id.clone()),
            spoken: self.spoken(slot.time.start, now),
            moving: search.moving.cloned(),
        });
        let offers = state.offers.add(new);
        let spoken: Vec<&str> = offers.iter().map(|offer| offer.spoken.as_str()).collect();
        let nothing = Say::NothingFree.words(language);
        let (status, say) = match (offers.is_empty(), choice.fits) {
            (true, _) => ("none", format!("{nothing} {}", Say::MessageOffer.words(language))),
            (false, true) => ("ok", words::offer(&spoken, language)),
            (false, false) => ("alternatives", format!("{nothing} {}", words::offer(&spoken, language))),
        };
        let slots: Vec<Value> =
            offers.iter().map(|offer| json!({ "key": offer.key, "spoken": offer.spoken })).collect();
        let reply = Reply::new(status, say)
            .with("service", service_name(search.service, language))
            .with("slots", Value::Array(slots));
        match search.with {
            Some(resource) => reply.with("with", resource.name.as_str()),
            None => reply,
        }
    }

    /// What is free instead of a time that has gone.
    pub(super) async fn instead(&self, state: &mut State, gone: &Offer) -> Result<Reply, Trouble> {
        let now = self.clock.now();
        let language = self.language();
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let service = tx.services().get(&gone.service).await?;
        let service = service.ok_or_else(|| Trouble::Mistake("That service is not offered.".to_owned()))?;
        let with = match &gone.with {
            Some(id) => tx.resources().get(id).await?,
            None => None,
        };
        drop(tx);
        let search = Search {
            service: &service,
            with: with.as_ref(),
            moving: gone.moving.as_ref(),
            hold: state.hold.clone(),
            taken: Some(gone.start),
        };
        let wall = self.context.tenant.zone.wall(gone.start).datetime();
        let (date, time) = (wall.date(), Some(TimeOfDay::At(wall.time())));
        let wish = When { from: date, to: date, weekdays: None, time };
        let choice = self.search(&search, wish, now).await?;
        let spoken: Vec<String> = choice.slots.iter().map(|slot| self.spoken(slot.time.start, now)).collect();
        let spoken: Vec<&str> = spoken.iter().map(String::as_str).collect();
        let say = format!("{} {}", Say::JustTaken.words(language), words::offer(&spoken, language));
        let offered = self.offer(state, &search, choice, now);
        Ok(Reply { status: "taken", say, ..offered })
    }

    /// The services of this assistant, in its order.
    pub(super) async fn services(&self, tx: &mut TenantTx) -> Result<Vec<Service>, store::Error> {
        let mut services = tx.services().all().await?;
        let order = &self.context.assistant.services;
        services.retain(|service| service.active && order.contains(&service.id));
        services.sort_by_key(|service| order.iter().position(|id| *id == service.id));
        Ok(services)
    }
}

impl Offer {
    fn wish(&self) -> bookings::Wish {
        bookings::Wish {
            service: self.service.clone(),
            start: self.start,
            resource: self.with.clone(),
            seats: 1,
        }
    }
}

impl State {
    /// What this call has booked at the time of an offer.
    fn booked_at(&self, offer: &Offer) -> Option<Appointment> {
        let same =
            |booked: &&Appointment| booked.service == offer.service && booked.time.start == offer.start;
        self.booked.iter().find(same).cloned()
    }
}

/// What is looked for.
struct Search<'a> {
    service: &'a Service,
    /// The caller asked for them by name.
    with: Option<&'a Resource>,
    /// The appointment that is to be moved.
    moving: Option<&'a AppointmentId>,
    /// The call's own hold, which does not keep it from its time.
    hold: Option<AppointmentId>,
    /// A start that has just gone.
    taken: Option<Timestamp>,
}

/// The service of that name, in whatever language; the only one if none is named.
pub(super) fn named_service<'s>(services: &'s [Service], name: Option<&str>) -> Option<&'s Service> {
    let Some(name) = name else {
        return match services {
            [only] => Some(only),
            _ => None,
        };
    };
    let alike = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    let known = |service: &&Service| {
        service.id.as_str() == name || service.names.values().any(|known| alike(known, name))
    };
    services.iter().find(known)
}

pub(super) enum Person<'r> {
    Anybody,
    One(&'r Resource),
    Unclear,
}

/// Whom a caller means by a name.
pub(super) fn person<'r>(resources: &'r [Resource], name: &str) -> Person<'r> {
    const ANYBODY: [&str; 9] =
        ["any", "anyone", "anybody", "egal", "irgendwer", "jeder", "alle", "wer frei ist", "no preference"];
    if ANYBODY.contains(&name.trim().to_lowercase().as_str()) {
        return Person::Anybody;
    }
    let mut meant = resources.iter().filter(|resource| identity::mentions(name, &resource.name));
    match (meant.next(), meant.next()) {
        (Some(one), None) => Person::One(one),
        _ => Person::Unclear,
    }
}
