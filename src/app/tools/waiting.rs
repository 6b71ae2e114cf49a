//! The waiting list in a call: a caller joins it, and whoever we call about a time that has become free takes it or not.
//!
//! What is taken is taken through the ledger, by word or by key; nobody is told that they have a time before they do.

use jiff::{ToSpan, civil};
use serde_json::json;

use super::{
    Reply, Spec, State, Toolbox, Trouble,
    arguments::{self, JoinWaitingList, NAME_CHARS_MAX},
    slots::{Person, named_service, person},
    specs::service_name,
    words::{self, Say},
};
use crate::{
    app::{
        self,
        bookings::{self, Asker, Wish},
        outgoing::offers,
        waiting_list::{self, DAY_MINUTES, Wanted},
    },
    domain::{
        assistant::Language,
        booking::{AppointmentStatus, Service},
        outgoing::Said,
        time::Timestamp,
        tool::ToolName,
        when::{Question, TimeOfDay, When, resolve},
    },
};

/// How long a wish for one time of the day reaches, in minutes: who wants nine o'clock is asked about half past.
const ABOUT_MINUTES: u32 = 60;

/// What became of an offer in this call: once said, it is said again.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    status: &'static str,
    say: String,
}

/// What the model is told about joining the waiting list, for these services whose freed times are offered.
pub fn waiting_spec(services: &[&Service], language: Language) -> Option<Spec> {
    let names: Vec<&str> = services.iter().map(|service| service_name(service, language)).collect();
    if names.is_empty() {
        return None;
    }
    let text = |description: &str| json!({ "type": "string", "description": description });
    Some(Spec {
        name: ToolName::JoinWaitingList.as_str(),
        description: "Puts the caller on the waiting list: they are called when a time becomes free. Offer it when \
                      find_slots finds nothing that suits, or the caller wants an earlier time than they have. Ask for \
                      their name first. Promise no time."
            .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "service": { "type": "string", "enum": names, "description": "What the caller wants to come for." },
                "when": text("What the caller said about which days or times would do, in their own words. Leave it out \
                              if any would."),
                "with": text("The name of the person or room the caller asked for. Leave it out if they did not."),
                "name": text("The caller's name, first and last, as they said it."),
                "appointment": text("The key of the appointment they have and would give up for an earlier time."),
            },
            "required": ["service", "name"],
        }),
    })
}

/// What the model is told about the tools of a call that offers a time.
pub(super) fn offer_specs() -> [Spec; 2] {
    let nothing = || json!({ "type": "object", "properties": {}, "required": [] });
    [
        Spec {
            name: ToolName::TakeOffer.as_str(),
            description: "Books the time you are calling about for the person, as soon as they say that they want it. It \
                          is theirs only if the status is \"booked\"."
                .to_owned(),
            parameters: nothing(),
        },
        Spec {
            name: ToolName::DeclineOffer.as_str(),
            description: "Notes that the person does not want the time you are calling about: it is offered to the next."
                .to_owned(),
            parameters: nothing(),
        },
    ]
}

impl Toolbox {
    pub(super) async fn join_waiting_list(
        &self,
        state: &State,
        asked: JoinWaitingList,
    ) -> Result<Reply, Trouble> {
        let now = self.clock.now();
        let own = match asked.appointment.as_deref() {
            None => None,
            Some(key) => match state.own.get(key) {
                Some(own) => Some(own.appointment.clone()),
                None => return Ok(self.ask("unknown_appointment", Say::WhichAppointment)),
            },
        };
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let services = self.services(&mut tx).await?;
        let wanted = match &own {
            Some(own) => services.iter().find(|service| service.id == own.service),
            None => named_service(&services, asked.service.as_deref()),
        };
        let Some(service) = wanted else { return Ok(self.ask("need_service", Say::WhichService)) };
        if tx.waiting().rule(&service.id).await?.is_none() {
            return Ok(self.ask("no_waiting_list", Say::NoWaitingList));
        }
        let resources = tx.resources().of_service(&service.id).await?;
        drop(tx);
        let with = match asked.with.as_deref().map(|name| person(&resources, name)) {
            None | Some(Person::Anybody) => vec![],
            Some(Person::One(resource)) => vec![resource.id.clone()],
            Some(Person::Unclear) => return Ok(self.ask("need_person", Say::WhichPerson)),
        };
        let today = self.context.tenant.zone.wall(now).date();
        let days = match self.days(asked.when.as_deref(), now) {
            Ok(days) => days,
            Err(question) => {
                return Ok(Reply::new("unclear", words::question(&question, today, self.language())));
            }
        };
        // Earlier than what they have is what they want.
        let last_day = match &own {
            Some(own) => {
                let standing = self.context.tenant.zone.wall(own.time.start).date();
                Some(days.last.map_or(standing, |last| last.min(standing)))
            }
            None => days.last,
        };
        let contact = match own.as_ref().and_then(|own| own.contact.clone()).or(state.contact.clone()) {
            Some(contact) => contact,
            None => {
                let name = asked.name.map(|name| arguments::tidy(&name, NAME_CHARS_MAX)).unwrap_or_default();
                if !name.chars().any(char::is_alphabetic) {
                    return Ok(self.ask("need_name", Say::WhatName));
                }
                if self.context.caller.is_none() {
                    return Ok(self.ask("unknown_number", Say::MessageOffer));
                }
                self.contact(state, &name, now).await?
            }
        };
        let wanted = Wanted {
            contact: Some(contact.clone()),
            number: None,
            name: None,
            service: service.id.clone(),
            resources: with,
            first_day: days.first,
            last_day,
            from_min: days.from_min,
            until_min: days.until_min,
            appointment: own.map(|own| own.id),
            language: Some(self.language()),
        };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        let call = self.context.call.as_str();
        match waiting_list::join_in_call(&mut tx, call, now, &wanted, contact).await {
            Ok(_) => {
                tx.commit().await?;
                Ok(self.ask("joined", Say::OnWaitingList))
            }
            Err(app::Error::Limit { .. }) => Ok(self.enough("waiting_list_places")),
            Err(app::Error::Invalid(_)) => Ok(self.ask("unclear", Say::WhichTime)),
            Err(error) => Err(error.into()),
        }
    }

    /// Which days and times would do.
    fn days(&self, said: Option<&str>, now: Timestamp) -> Result<Days, Question> {
        let Some(said) = said else {
            return Ok(Days { first: None, last: None, from_min: 0, until_min: DAY_MINUTES });
        };
        let wish = match resolve(said, self.language(), now, &self.context.tenant.zone) {
            Ok(wish) | Err(Question::Twice { when: wish }) => wish,
            Err(question) => return Err(question),
        };
        Ok(Days::of(&wish))
    }

    pub(super) async fn take_offer(&self, state: &mut State) -> Result<Reply, Trouble> {
        if let Some(decided) = &state.decided {
            return Ok(Reply::new(decided.status, decided.say.clone()));
        }
        let Some(errand) = &self.errand else {
            return Ok(self.mistake("Nothing is offered in this call."));
        };
        let (tenant, now) = (&self.context.tenant.id, self.clock.now());
        let mut tx = self.store.read(tenant).await?;
        let kept = offers::kept_for(&mut tx, &errand.outgoing).await?;
        let Some((offer, waiting, hold)) = kept else {
            return Ok(self.decided(state, "taken", Say::JustTaken.words(self.language()).to_owned()));
        };
        let own = match &waiting.appointment {
            Some(own) => tx.appointments().get(own).await?,
            None => None,
        };
        drop(tx);
        let own = own.filter(|own| own.status.promised() && own.time.start > now);
        if let Some(own) = &own
            && self.guards(state, &own.id).await?
        {
            return Ok(Reply { asks_pin: true, ..self.ask("need_pin", Say::WhichPin) });
        }
        let by = Asker {
            tenant: tenant.clone(),
            call: Some(self.context.call.clone()),
            key: Some(format!("{}/offer", self.context.call)),
            staff: None,
        };
        let wish = Wish {
            service: offer.service.clone(),
            start: offer.start,
            resource: Some(offer.resource.clone()),
            seats: 1,
        };
        let (ledger, contact) = (&self.ledger, &waiting.contact);
        let kept = match &own {
            Some(own) => {
                bookings::move_to(ledger, &by, now, &own.id, Some(contact), &wish, Some(&hold)).await
            }
            None => bookings::book(ledger, &by, now, &wish, contact, "", Some(&hold)).await,
        };
        let kept = match kept {
            Ok(kept) => self.settled(kept).await?,
            Err(
                app::Error::Taken | app::Error::Refused(_) | app::Error::TooLate | app::Error::NotFound(_),
            ) => {
                let mut tx = self.store.begin(tenant).await?;
                offers::pass(&mut tx, &errand.outgoing, now).await?;
                tx.commit().await?;
                return Ok(self.decided(state, "taken", Say::JustTaken.words(self.language()).to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if !kept.status.promised() {
            return Ok(self.decided(state, "taken", Say::JustTaken.words(self.language()).to_owned()));
        }
        let mut tx = self.store.begin(tenant).await?;
        offers::taken(&mut tx, &offer, &waiting, now).await?;
        tx.outgoing().say(&errand.outgoing.id, Said::Taken).await?;
        tx.commit().await?;
        let spoken = self.spoken(kept.time.start, now);
        let (status, say) = if kept.status == AppointmentStatus::Pending {
            ("noted", words::noted(&spoken, self.language()))
        } else if own.is_some() {
            ("booked", words::moved(&spoken, self.language()))
        } else {
            ("booked", words::booked(&spoken, self.language()))
        };
        state.booked.push(kept.clone());
        state.own.tell(kept, spoken);
        Ok(self.decided(state, status, say))
    }

    pub(super) async fn decline_offer(&self, state: &mut State) -> Result<Reply, Trouble> {
        if let Some(decided) = &state.decided {
            return Ok(Reply::new(decided.status, decided.say.clone()));
        }
        let Some(errand) = &self.errand else {
            return Ok(self.mistake("Nothing is offered in this call."));
        };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        offers::pass(&mut tx, &errand.outgoing, self.clock.now()).await?;
        tx.outgoing().say(&errand.outgoing.id, Said::Declined).await?;
        tx.commit().await?;
        Ok(self.decided(state, "declined", Say::StillWaiting.words(self.language()).to_owned()))
    }

    fn decided(&self, state: &mut State, status: &'static str, say: String) -> Reply {
        state.decided = Some(Decided { status, say: say.clone() });
        Reply::new(status, say)
    }
}

/// The days and times that would do.
struct Days {
    first: Option<civil::Date>,
    last: Option<civil::Date>,
    from_min: u32,
    until_min: u32,
}

impl Days {
    fn of(wish: &When) -> Self {
        let minutes = |time: civil::Time| {
            u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
        };
        let (from_min, until_min) = match wish.time {
            Some(TimeOfDay::At(at)) => (minutes(at), (minutes(at) + ABOUT_MINUTES).min(DAY_MINUTES)),
            Some(TimeOfDay::Between { from, until }) if from < until => (minutes(from), minutes(until)),
            Some(TimeOfDay::Between { from, .. }) => (minutes(from), DAY_MINUTES),
            None => (0, DAY_MINUTES),
        };
        // What is said without an end reaches further than anybody waits.
        let usual = wish.from.saturating_add(waiting_list::DAYS_MAX.days());
        let last = (wish.to < usual).then_some(wish.to);
        Self { first: Some(wish.from), last, from_min, until_min }
    }
}
