//! The caller's own appointments: shown to who is known, moved and cancelled by them alone.

use serde_json::{Value, json};

use super::{
    Reply, Request, State, Toolbox, Trouble,
    arguments::{CancelAppointment, MoveAppointment, MyAppointments},
    identity,
    proof::PINS_PER_CALL_MAX,
    specs::service_name,
    words::{self, Say},
};
use crate::{
    app::{
        self,
        bookings::{self, Wish},
    },
    domain::{
        booking::{Appointment, AppointmentStatus},
        contact::{Contact, IdentityLevel},
        id::ContactId,
        time::Timestamp,
        when::date_of_birth,
    },
    platform::metrics as figures,
    store::TenantTx,
};

/// Wrong answers to the question who calls. After these a call can no longer become known.
pub const IDENTITY_FAILURES_MAX: u32 = 3;
/// Appointments told at a time.
pub const TOLD_MAX: usize = 5;

/// What a call was told of its caller's appointments, and how often it failed to say who calls.
#[derive(Debug, Default)]
pub(super) struct Own {
    told: Vec<Told>,
    failures: u32,
}

/// An appointment that was told to its owner.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub key: String,
    pub appointment: Appointment,
    pub spoken: String,
    /// Whether the caller was asked if it is really to be cancelled.
    pub asked: bool,
}

impl Own {
    pub fn get(&self, key: &str) -> Option<&Told> {
        let key = key.trim();
        self.told.iter().find(|told| told.key.eq_ignore_ascii_case(key))
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Told> {
        let key = key.trim();
        self.told.iter_mut().find(|told| told.key.eq_ignore_ascii_case(key))
    }

    /// The key of an appointment: the same for as long as the call lasts.
    pub fn tell(&mut self, appointment: Appointment, spoken: String) -> Told {
        if let Some(told) = self.told.iter_mut().find(|told| told.appointment.id == appointment.id) {
            told.appointment = appointment;
            told.spoken = spoken;
            return told.clone();
        }
        let told = Told { key: format!("T{}", self.told.len() + 1), appointment, spoken, asked: false };
        self.told.push(told.clone());
        told
    }
}

/// Who is calling, as far as this question goes.
enum Caller {
    Known(ContactId),
    /// Say who you are.
    Ask,
    /// Nobody we know, or not who they say. Nobody hears which.
    No,
}

impl Toolbox {
    /// How sure this call is of who is calling.
    pub async fn identity(&self) -> IdentityLevel {
        let state = self.state.lock().await;
        match state.contact {
            Some(_) if state.proven => IdentityLevel::Proven,
            Some(_) => IdentityLevel::Known,
            None => IdentityLevel::Anybody,
        }
    }

    pub(super) async fn my_appointments(
        &self,
        state: &mut State,
        asked: MyAppointments,
    ) -> Result<Reply, Trouble> {
        let now = self.clock.now();
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let caller = self.identify(state, &mut tx, &asked, now).await?;
        let mut found = match &caller {
            Caller::Known(contact) => tx.appointments().upcoming(contact, now).await?,
            Caller::Ask | Caller::No => Vec::new(),
        };
        let services = tx.services().all().await?;
        let guarded = !state.proven && services.iter().any(|service| service.sensitive);
        if guarded {
            found
                .retain(|own| !services.iter().any(|service| service.id == own.service && service.sensitive));
        }
        // What was booked in this very call is the caller's, whoever they are.
        for booked in &state.booked {
            if let Some(own) = tx.appointments().get(&booked.id).await?
                && own.status.promised()
                && own.time.start > now
                && found.iter().all(|other| other.id != own.id)
            {
                found.push(own);
            }
        }
        // Asked whether there is more or not: nobody learns without a PIN that there is.
        if guarded
            && matches!(caller, Caller::Known(_))
            && (found.is_empty() || asked.more == Some(true))
            && state.wrong_pins < PINS_PER_CALL_MAX
        {
            return Ok(Reply { asks_pin: true, ..self.ask("need_pin", Say::WhichPin) });
        }
        if found.is_empty() {
            return Ok(match caller {
                Caller::Ask => self.ask("need_name", Say::WhichName),
                Caller::No | Caller::Known(_) => self.ask("not_found", Say::NoneOfYours),
            });
        }
        found.sort_by_key(|own| own.time.start);
        found.truncate(TOLD_MAX);
        let told: Vec<Told> = found
            .into_iter()
            .map(|own| {
                let spoken = self.spoken(own.time.start, now);
                state.own.tell(own, spoken)
            })
            .collect();
        let mut appointments: Vec<Value> = Vec::with_capacity(told.len());
        for told in &told {
            let service = services.iter().find(|service| service.id == told.appointment.service);
            let name = service.map(|service| service_name(service, self.language()));
            let changeable = bookings::changeable(&mut tx, &told.appointment, now).await?;
            appointments.push(
                json!({ "key": told.key, "spoken": told.spoken, "service": name, "changeable": changeable }),
            );
        }
        let spoken: Vec<&str> = told.iter().map(|told| told.spoken.as_str()).collect();
        let say = words::appointments(&spoken, self.language());
        let reply = Reply::new("ok", say).with("appointments", Value::Array(appointments));
        Ok(if guarded && matches!(caller, Caller::Known(_)) {
            reply.with("more", "If the caller means another appointment, ask again with `more` set to true.")
        } else {
            reply
        })
    }

    /// Finds out who calls. "Unknown" and "wrong" take the same way and sound the same.
    async fn identify(
        &self,
        state: &mut State,
        tx: &mut TenantTx,
        asked: &MyAppointments,
        now: Timestamp,
    ) -> Result<Caller, Trouble> {
        if let Some(contact) = &state.contact {
            return Ok(Caller::Known(contact.clone()));
        }
        if state.own.failures >= IDENTITY_FAILURES_MAX {
            return Ok(Caller::No);
        }
        // Whom we called, at their own number, is as well known as who calls from it.
        if let (None, None, Some(errand)) = (&asked.name, &asked.date_of_birth, &self.errand)
            && let Some(contact) = &errand.contact
        {
            state.contact = Some(contact.id.clone());
            return Ok(Caller::Known(contact.id.clone()));
        }
        let contacts = match &self.context.caller {
            Some(number) => tx.contacts().by_number(number).await?,
            None => Vec::new(),
        };
        let known = match (&asked.name, &asked.date_of_birth) {
            (None, None) if self.context.attested && contacts.len() == 1 => contacts.first(),
            (None, None) => return Ok(Caller::Ask),
            (name, born) => {
                let today = self.context.tenant.zone.wall(now).date();
                let born = born.as_deref().map(|born| date_of_birth(born, self.language(), today));
                let agreeing: Vec<_> =
                    contacts.iter().filter(|contact| agrees(contact, name.as_deref(), born)).collect();
                let exactly = |contact: &&&Contact| {
                    name.as_deref().is_some_and(|name| identity::same(name, &contact.name))
                };
                // Two who answer to the same are told apart by nothing: neither is shown.
                match agreeing[..] {
                    [one] => Some(one),
                    _ => {
                        let mut exact = agreeing.iter().filter(exactly);
                        exact.next().filter(|_| exact.next().is_none()).copied()
                    }
                }
            }
        };
        let Some(contact) = known else {
            state.own.failures += 1;
            metrics::counter!(figures::SECURITY_TOTAL, "event" => "caller_not_identified").increment(1);
            return Ok(Caller::No);
        };
        state.contact = Some(contact.id.clone());
        Ok(Caller::Known(contact.id.clone()))
    }

    pub(super) async fn move_appointment(
        &self,
        state: &mut State,
        request: &Request,
        asked: MoveAppointment,
    ) -> Result<Reply, Trouble> {
        let Some(own) = asked.appointment.as_deref().and_then(|key| state.own.get(key)).cloned() else {
            return Ok(self.ask("unknown_appointment", Say::WhichAppointment));
        };
        let Some(offer) = asked.slot.as_deref().and_then(|key| state.offers.get(key)).cloned() else {
            return Ok(self.ask("unknown_slot", Say::WhichNewTime));
        };
        let Some(contact) = own.appointment.contact.clone() else { return Ok(self.gone()) };
        if offer.service != own.appointment.service {
            let what =
                "The slot is for another service: look for one with find_slots, giving it the appointment.";
            return Err(Trouble::Mistake(what.to_owned()));
        }
        let (by, now, id) = (self.asker(request), self.clock.now(), &own.appointment.id);
        let wish = Wish {
            service: offer.service.clone(),
            start: offer.start,
            resource: offer.with.clone(),
            seats: own.appointment.seats,
        };
        // Whoever was to be seen stays, unless somebody else was asked for or they are not free.
        let same =
            Wish { resource: offer.with.clone().or(Some(own.appointment.resource.clone())), ..wish.clone() };
        let mut moved =
            bookings::move_to(&self.ledger, &by, now, id, Some(&contact), &same, state.hold.as_ref()).await;
        if same != wish && matches!(moved, Err(app::Error::Taken | app::Error::Refused(_))) {
            moved = bookings::move_to(&self.ledger, &by, now, id, Some(&contact), &wish, state.hold.as_ref())
                .await;
        }
        match moved {
            Ok(moved) => {
                state.hold = None;
                let moved = self.settled(moved).await?;
                if moved.time.start != offer.start || !moved.status.promised() {
                    // Its calendar had something there first.
                    let spoken = self.spoken(moved.time.start, now);
                    if moved.status.promised() {
                        state.own.tell(moved, spoken);
                    }
                    return self.instead(state, &offer).await;
                }
                for booked in state.booked.iter_mut().filter(|booked| booked.id == moved.id) {
                    *booked = moved.clone();
                }
                let told = state.own.tell(moved, offer.spoken.clone());
                let pending = told.appointment.status == AppointmentStatus::Pending;
                let (status, say) = if pending {
                    ("noted", words::noted(&told.spoken, self.language()))
                } else {
                    ("moved", words::moved(&told.spoken, self.language()))
                };
                Ok(Reply::new(status, say).with("appointment", told.key).with("spoken", told.spoken))
            }
            Err(app::Error::Taken | app::Error::Refused(_)) => self.instead(state, &offer).await,
            Err(app::Error::TooLate) => Ok(self.too_late()),
            Err(app::Error::NotFound(_)) => Ok(self.gone()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn cancel_appointment(
        &self,
        state: &mut State,
        request: &Request,
        asked: CancelAppointment,
    ) -> Result<Reply, Trouble> {
        let named = asked.appointment.as_deref().and_then(|key| state.own.get(key));
        if let Some((by_key, status, say)) = &state.cancelled_by_key
            && named.is_none_or(|named| named.appointment.id == *by_key)
        {
            return Ok(self.ask(status, *say));
        }
        let several = state.own.told.len() > 1;
        let Some(own) = asked.appointment.as_deref().and_then(|key| state.own.get_mut(key)) else {
            return Ok(self.ask("unknown_appointment", Say::WhichAppointment));
        };
        if own.appointment.status == AppointmentStatus::Cancelled {
            return Ok(self.ask("cancelled", Say::Cancelled).with("spoken", own.spoken.clone()));
        }
        let now = self.clock.now();
        // Asked once for each: a single slip of the model never gives an appointment away.
        if !own.asked || asked.confirmed != Some(true) {
            let mut tx = self.store.read(&self.context.tenant.id).await?;
            if !bookings::changeable(&mut tx, &own.appointment, now).await? {
                return Ok(self.too_late());
            }
            own.asked = true;
            let say = words::really_cancel(several.then_some(&own.spoken), self.language());
            return Ok(Reply::new("confirm", say)
                .with("appointment", own.key.clone())
                .with("spoken", own.spoken.clone()));
        }
        let Some(contact) = own.appointment.contact.clone() else { return Ok(self.gone()) };
        match bookings::cancel(&self.ledger, &self.asker(request), now, &own.appointment.id, Some(&contact))
            .await
        {
            Ok(given_back) => {
                own.appointment = given_back;
                let reply = self.ask("cancelled", Say::Cancelled).with("spoken", own.spoken.clone());
                let id = own.appointment.id.clone();
                state.booked.retain(|booked| booked.id != id);
                state.given_back += 1;
                Ok(reply)
            }
            Err(app::Error::TooLate) => Ok(self.too_late()),
            Err(app::Error::NotFound(_)) => Ok(self.gone()),
            Err(error) => Err(error.into()),
        }
    }

    fn too_late(&self) -> Reply {
        let language = self.language();
        let say = format!("{} {}", Say::TooLate.words(language), Say::MessageOffer.words(language));
        Reply::new("too_late", say)
    }

    /// The appointment that was told is no more.
    fn gone(&self) -> Reply {
        self.ask("not_found", Say::NoneOfYours)
    }
}

/// Whether what was said of a contact agrees with what is known: all of it that can be compared, and something.
fn agrees(contact: &Contact, name: Option<&str>, born: Option<Option<jiff::civil::Date>>) -> bool {
    let by_name = name.map(|name| identity::agrees(name, &contact.name));
    let by_birth = match (born, contact.born) {
        (None, _) => None,
        (Some(said), Some(known)) => Some(said == Some(known)),
        // A date that is not known proves nothing.
        (Some(_), None) => None,
    };
    let answers = [by_name, by_birth];
    answers.contains(&Some(true)) && !answers.contains(&Some(false))
}
