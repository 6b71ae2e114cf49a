//! What only a call of ours has: an errand, keys that mean something, and people who may not want to be called.
//!
//! Keys work without the model: what they ask for is done when they are pressed, by the same ledger as everything else,
//! and the model learns from the tools what has become of it.

use jiff::{ToSpan, civil};
use serde_json::json;

use super::{
    Reply, Spec, State, Toolbox, Trouble,
    arguments::{CallLater, ForgetMe},
    words::{self, Say},
};
use crate::{
    app::{
        self,
        bookings::{self, Asker},
        forgetting::erasures,
        outgoing::{Errand, WORTH_MINUTES, opt_outs},
    },
    domain::{
        availability::instant,
        booking::Appointment,
        forgetting::ByCaller,
        id::{JobId, OutgoingId},
        outgoing::{Channel, FROM_MIN, Kind, OptOutSource, Outgoing, Said},
        time::{Timestamp, Zone},
        tool::ToolName,
        when::{self, Question, TimeOfDay, When},
    },
    platform::ids,
    store::Work,
};

/// How many days a wish to be called later is looked at.
const DAYS_LOOKED_AT: u32 = 31;
/// When somebody is called who wants to be called later and at no time that is still to come, in minutes from then.
const UNSAID_MINUTES: i64 = 24 * 60;
/// How often somebody may ask, one call after the other, to be called later.
const CALL_BACKS_MAX: u32 = 3;

/// What the model is told about the tools of a call that has this errand, besides those of every call.
pub fn errand_specs(errand: &Errand) -> Vec<Spec> {
    let later = Spec {
        name: ToolName::CallLater.as_str(),
        description: "Notes that the person wants to be called at another time. Pass on what they said about when, word \
                      for word."
            .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "when": {
                "type": "string",
                "description": "What the person said about when, in their own words.",
            } },
            "required": ["when"],
        }),
    };
    let confirm = Spec {
        name: ToolName::ConfirmAppointment.as_str(),
        description: "Notes that the person will come to the appointment you are calling about.".to_owned(),
        parameters: json!({ "type": "object", "properties": {}, "required": [] }),
    };
    // Nobody confirms what cannot take place.
    let about = errand.outgoing.appointment.is_some() && errand.outgoing.kind != Kind::Move;
    let offers = errand.offer.as_ref().map(|_| super::waiting::offer_specs());
    let mut specs: Vec<Spec> = [Some(later), Some(confirm).filter(|_| about)].into_iter().flatten().collect();
    specs.extend(offers.into_iter().flatten());
    specs
}

impl Toolbox {
    /// The tools of a call of ours that has this errand.
    #[must_use]
    pub fn on_errand(mut self, errand: Option<Errand>) -> Self {
        self.errand = errand;
        self
    }

    /// Whether keys mean something in this call.
    pub fn takes_keys(&self) -> bool {
        self.errand.is_some()
    }

    /// Does what a key asks for: 1 confirms, 3 cancels, 9 stops all calls; where a time is offered, 1 takes it and 2 does not.
    /// Others are left to the conversation.
    pub async fn keyed(&self, key: char) {
        let Some(errand) = &self.errand else { return };
        let mut state = self.state.lock().await;
        let done = match key {
            '1' if errand.offer.is_some() => self.take_offer(&mut state).await.map(drop),
            '2' if errand.offer.is_some() => self.decline_offer(&mut state).await.map(drop),
            '1' if errand.outgoing.kind == Kind::Move => return,
            '1' => self.confirm(errand).await.map(drop),
            '3' => self.cancel_by_key(&mut state, errand).await,
            '9' => self.stop(OptOutSource::Key).await,
            _ => return,
        };
        if let Err(error) = done {
            let error = match &error {
                Trouble::Mistake(what) => what.clone(),
                Trouble::Broken(error) => error.to_string(),
            };
            tracing::warn!(call.id = %self.context.call, error, "what a key asked for could not be done");
        }
    }

    pub(super) async fn confirm_appointment(&self) -> Result<Reply, Trouble> {
        let Some(errand) = &self.errand else {
            return Ok(self.mistake("There is no appointment to confirm."));
        };
        Ok(match self.confirm(errand).await? {
            Some(_) => self.ask("confirmed", Say::SeeYouThere),
            None => self.ask("not_found", Say::NoneOfYours),
        })
    }

    /// Notes that the person will come, if there still is something to come to.
    async fn confirm(&self, errand: &Errand) -> Result<Option<Appointment>, Trouble> {
        let Some(id) = &errand.outgoing.appointment else { return Ok(None) };
        let now = self.clock.now();
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        let standing = tx.appointments().get(id).await?;
        let standing = standing.filter(|one| one.status.promised() && one.time.start > now);
        if standing.is_some() {
            tx.outgoing().say(&errand.outgoing.id, Said::Confirmed).await?;
            tx.appointments().note_coming(id).await?;
            let work = Work::SettleAppointment { appointment: id.clone() };
            tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
            tx.commit().await?;
        }
        Ok(standing)
    }

    async fn cancel_by_key(&self, state: &mut State, errand: &Errand) -> Result<(), Trouble> {
        let Some(id) = &errand.outgoing.appointment else { return Ok(()) };
        let now = self.clock.now();
        if self.guards(state, id).await? {
            // Whoever picks up may press keys: what asks for a PIN is cancelled in the conversation.
            return Ok(());
        }
        let by = Asker {
            tenant: self.context.tenant.id.clone(),
            call: Some(self.context.call.clone()),
            key: Some(format!("{}/key/3", self.context.call)),
            staff: None,
        };
        let cancelled = bookings::cancel(&self.ledger, &by, now, id, errand.outgoing.contact.as_ref()).await;
        let (status, say) = match cancelled {
            Ok(given_back) => {
                let spoken = self.spoken(given_back.time.start, now);
                state.own.tell(given_back, spoken);
                self.note_said(Said::Cancelled).await?;
                ("cancelled", Say::Cancelled)
            }
            Err(app::Error::TooLate) => ("too_late", Say::TooLate),
            Err(app::Error::NotFound(_)) => ("not_found", Say::NoneOfYours),
            Err(error) => {
                state.cancelled_by_key = Some((id.clone(), "unavailable", Say::Unavailable));
                return Err(error.into());
            }
        };
        state.cancelled_by_key = Some((id.clone(), status, say));
        Ok(())
    }

    pub(super) async fn do_not_call(&self) -> Result<Reply, Trouble> {
        if self.context.caller.is_none() {
            return Ok(self.ask("unknown_number", Say::DidNotWork));
        }
        self.stop(OptOutSource::Voice).await?;
        Ok(self.ask("noted", Say::WillNotCall))
    }

    /// Notes that the caller wants to be forgotten: only of a number that is surely theirs, and only once they were asked.
    pub(super) async fn forget_me(&self, state: &mut State, asked: &ForgetMe) -> Result<Reply, Trouble> {
        // Whom we have called has the number we called.
        let sure = self.context.attested || self.errand.is_some();
        let Some(number) = self.context.caller.as_ref().filter(|_| sure) else {
            return Ok(self.ask("unknown_number", Say::ForgetElsewhere));
        };
        if !state.forgetting_asked || asked.confirmed != Some(true) {
            state.forgetting_asked = true;
            return Ok(self.ask("confirm", Say::ForgetReally));
        }
        let now = self.clock.now();
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        let answer = erasures::wish(&mut tx, now, number).await?;
        tx.commit().await?;
        Ok(match answer {
            ByCaller::Approve => self.ask("requested", Say::ForgetAsked),
            ByCaller::AtOnce => self.ask("after_the_call", Say::ForgetSoon),
        })
    }

    /// Notes that the person at the other end does not want to be called.
    async fn stop(&self, source: OptOutSource) -> Result<(), Trouble> {
        let Some(number) = &self.context.caller else { return Ok(()) };
        let now = self.clock.now();
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        opt_outs::note(&mut tx, number, source, Some(&self.context.call), now).await?;
        if let Some(errand) = &self.errand {
            tx.outgoing().say(&errand.outgoing.id, Said::Stop).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn call_later(&self, asked: CallLater) -> Result<Reply, Trouble> {
        let Some(errand) = &self.errand else {
            return Ok(self.mistake("Only a call of ours can be made later."));
        };
        let Some(said) = asked.when else { return Ok(self.ask("need_time", Say::WhenToCall)) };
        let (now, zone) = (self.clock.now(), &self.context.tenant.zone);
        let wish = match when::resolve(&said, self.language(), now, zone) {
            Ok(wish) => wish,
            Err(Question::Twice { when }) => when,
            Err(question) => {
                let today = zone.wall(now).date();
                return Ok(Reply::new("need_time", words::question(&question, today, self.language())));
            }
        };
        let due = earliest(&wish, now, zone);
        let one = &errand.outgoing;
        let attempt = if one.kind == Kind::CallBack { one.attempt + 1 } else { 1 };
        if attempt > CALL_BACKS_MAX {
            return Ok(self.enough("call_backs"));
        }
        let next = Outgoing {
            kind: Kind::CallBack,
            cause: None,
            channel: Channel::Call,
            attempt,
            attempts_max: 1,
            sms_after: false,
            due,
            expires: one.for_start.or(Some(due.plus_minutes(WORTH_MINUTES))),
            ..one.next(OutgoingId::of(ids::fresh(now)), now)
        };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        let key = format!("{}/later", self.context.call);
        tx.outgoing().add(&next, Some(&key), self.context.call.as_str()).await?;
        tx.outgoing().say(&one.id, Said::Later).await?;
        tx.commit().await?;
        Ok(self.ask("noted", Say::WillCallLater).with("spoken", self.spoken(due, now)))
    }

    /// Notes what the person answered to the errand.
    pub(super) async fn note_said(&self, said: Said) -> Result<(), Trouble> {
        let Some(errand) = &self.errand else { return Ok(()) };
        let mut tx = self.store.begin(&self.context.tenant.id).await?;
        tx.outgoing().say(&errand.outgoing.id, said).await?;
        Ok(tx.commit().await?)
    }

    /// Whether an answer to a request says that the errand's appointment is at another time, or no more.
    pub(super) fn errand_said(tool: ToolName, status: &str) -> Option<Said> {
        match (tool, status) {
            (ToolName::MoveAppointment, "moved" | "noted") => Some(Said::Moved),
            (ToolName::CancelAppointment, "cancelled") => Some(Said::Cancelled),
            _ => None,
        }
    }
}

/// The first moment from `now` on that fits a wish.
fn earliest(wish: &When, now: Timestamp, zone: &Zone) -> Timestamp {
    let morning = civil::Time::new(i8::try_from(FROM_MIN / 60).unwrap_or(0), 0, 0, 0)
        .unwrap_or(civil::Time::midnight());
    let mut date = wish.from;
    for _ in 0..DAYS_LOOKED_AT {
        let (from, until) = match wish.time {
            Some(TimeOfDay::At(at)) => (at, None),
            Some(TimeOfDay::Between { from, until }) => (from, Some(until)),
            None => (morning, None),
        };
        let begins = instant(date, from, zone);
        let at = match wish.time {
            Some(TimeOfDay::At(_)) => begins,
            Some(TimeOfDay::Between { .. }) | None => begins.max(now),
        };
        let local = zone.wall(at);
        let still = local.date() == date && until.is_none_or(|until| local.time() < until);
        if at >= now && still && wish.weekdays.is_none_or(|days| days[weekday(date)]) {
            return at;
        }
        if date >= wish.to {
            break;
        }
        date = date.saturating_add(1.day());
    }
    now.plus_minutes(UNSAID_MINUTES)
}

fn weekday(date: civil::Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs()) % 7
}
