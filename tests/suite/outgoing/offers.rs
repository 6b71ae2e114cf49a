//! Times that are given back, offered to those who wait for one: in order, one at a time, kept while they are asked.

use std::sync::Arc;

use frontdesk::{
    app::{
        self,
        access::{Actor, Who},
        bookings::{self, Asker, Wish},
        calls::{Ring, Rung},
        outgoing::{news, offers, opt_outs},
        tools::{CallContext, Request, Toolbox},
        waiting_list::{self, DAY_MINUTES, Wanted},
    },
    domain::{
        booking::Appointment,
        id::{ContactId, WaitingId},
        outgoing::{Ending, OptOutSource, Outgoing, Said},
        time::Timestamp,
        waiting::{Waiting, WaitingState},
    },
    platform::clock::Clock,
    telephony::rest::calls::Progress,
};
use serde_json::{Value, json};

use super::ground::{ACCOUNT, Ground};
use crate::support::{databases::on_both, practice::at};

/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;
const DAY: i64 = 24 * 60;
/// Wednesday at nine.
const WEDNESDAY_9: i64 = 2 * DAY + 60;

fn number(n: usize) -> String {
    format!("+49151225{n:05}")
}

fn asker(ground: &Ground) -> Asker {
    Asker { tenant: ground.practice.tenant.id.clone(), call: None, key: None, staff: None }
}

impl Ground {
    fn by(&self) -> Actor {
        Actor::new(self.practice.tenant.id.clone(), Who::System("test"))
    }

    fn wish(&self, start: i64) -> Wish {
        Wish {
            service: self.practice.checkup.id.clone(),
            start: at(start),
            resource: Some(self.practice.ada.id.clone()),
            seats: 1,
        }
    }

    /// An appointment with Ada, of somebody who gives it back later.
    async fn booked(&self, of: &ContactId, start: i64) -> Appointment {
        bookings::book(&self.store, &asker(self), at(0), &self.wish(start), of, "", None).await.unwrap()
    }

    async fn given_back(&self, appointment: &Appointment, now: i64) {
        bookings::cancel(&self.store, &asker(self), at(now), &appointment.id, None).await.unwrap();
    }

    /// Freed times of check-ups are offered until two hours before.
    async fn offer_freed(&self) {
        let service = &self.practice.checkup.id;
        waiting_list::set_rule(&self.store, &self.by(), at(0), service, Some(120)).await.unwrap();
    }

    fn waits(&self, n: usize) -> Wanted {
        Wanted {
            contact: None,
            number: Some(number(n)),
            name: Some(format!("Frau {n}")),
            service: self.practice.checkup.id.clone(),
            resources: vec![],
            first_day: None,
            last_day: None,
            from_min: 0,
            until_min: DAY_MINUTES,
            appointment: None,
            language: None,
        }
    }

    async fn joined(&self, wanted: &Wanted, now: i64) -> Waiting {
        waiting_list::join(&self.store, &self.by(), at(now), wanted).await.unwrap()
    }

    async fn place(&self, id: &WaitingId) -> WaitingState {
        waiting_list::get(&self.store, &self.by(), id).await.unwrap().state
    }

    async fn offered(&self, now: i64) -> usize {
        offers::plan_due(&self.store, at(now), 10).await.unwrap()
    }

    fn rung(&self) -> Vec<String> {
        self.exchange.placed().iter().map(|call| call.asked("To").to_owned()).collect()
    }

    async fn last(&self) -> Outgoing {
        let placed = self.exchange.placed();
        let sid = placed.last().unwrap().sid.parse().unwrap();
        let mut tx = self.store.read(&self.practice.tenant.id).await.unwrap();
        tx.outgoing().by_sid(&sid).await.unwrap().unwrap()
    }

    /// Twilio tells what became of the last call.
    async fn told(&self, progress: Progress, now: i64) {
        let one = self.last().await;
        let sid = one.sid.as_ref().unwrap();
        news::told(&self.store, &self.practice.tenant.id, &one.id, sid, progress, at(now)).await.unwrap();
    }

    /// The person who was called last answers: what the call can do.
    async fn answers(&self, now: i64) -> Toolbox {
        let one = self.last().await;
        let ring = Ring {
            sid: one.sid.clone().unwrap(),
            account_sid: ACCOUNT.0.to_owned(),
            from: Some(self.practice.number.number.clone()),
            to: one.to.clone(),
            attested: false,
            forwarded: None,
        };
        let rung = news::answered(&self.store, at(now), &one.id, &ring).await.unwrap();
        let Rung::Answer(answer) = rung else { panic!("nobody answers") };
        let context = CallContext {
            tenant: answer.tenant.clone(),
            call: answer.record.id.clone(),
            assistant: Arc::new(answer.assistant.clone()),
            language: answer.number.language,
            caller: Some(one.to.clone()),
            attested: false,
        };
        assert!(answer.errand.as_ref().is_some_and(|errand| errand.offer.is_some()));
        Toolbox::new(context, &self.store, Clock::showing(at(now))).on_errand(answer.errand)
    }

    async fn has(&self, contact: &ContactId) -> Vec<Timestamp> {
        let tenant = &self.practice.tenant.id;
        let has = bookings::upcoming(&self.store, tenant, contact, at(TEN)).await.unwrap();
        has.iter().map(|one| one.time.start).collect()
    }

    async fn can_be_had(&self, start: i64, now: i64) -> bool {
        match bookings::hold(&self.store, &asker(self), at(now), &self.wish(start)).await {
            Ok(_) => true,
            Err(app::Error::Taken) => false,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn says(toolbox: &Toolbox, tool: &str) -> Value {
    let request = Request { id: tool.to_owned(), name: tool.to_owned(), arguments: "{}".to_owned() };
    serde_json::from_str(&toolbox.run(request).await.output).unwrap()
}

on_both! {
    async fn a_time_that_is_given_back_is_kept_for_who_waits_longest_and_booked_when_they_say_yes(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.offer_freed().await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        let first = ground.joined(&ground.waits(1), 1).await;
        let second = ground.joined(&ground.waits(2), 2).await;
        assert_eq!(ground.offered(TEN).await, 0, "nothing was given back");
        ground.given_back(&gives, TEN).await;
        assert_eq!((ground.offered(TEN).await, ground.offered(TEN).await), (1, 0));
        ground.dial(at(TEN)).await;
        assert_eq!(ground.rung(), [number(1)]);
        assert_eq!(ground.place(&first.id).await, WaitingState::Offered);
        assert!(!ground.can_be_had(WEDNESDAY_9, TEN).await, "nobody else gets it meanwhile");
        let call = ground.answers(TEN + 1).await;
        call.keyed('1').await;
        let taken = says(&call, "take_offer").await;
        assert_eq!(taken["status"], "booked", "{taken}");
        assert!(taken["say"].as_str().unwrap().contains("gebucht"));
        assert_eq!(says(&call, "decline_offer").await["status"], "booked", "what is booked stays booked");
        assert_eq!(ground.last().await.said, Some(Said::Taken));
        assert_eq!(ground.has(&first.contact).await, [at(WEDNESDAY_9)]);
        ground.told(Progress::Completed, TEN + 3).await;
        assert_eq!(ground.offered(TEN + 30).await, 0);
        assert_eq!(ground.place(&first.id).await, WaitingState::Booked);
        assert_eq!(ground.place(&second.id).await, WaitingState::Waiting);
    }

    async fn who_declines_or_is_not_reached_gives_the_time_to_the_next_and_at_last_it_is_free(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.offer_freed().await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        let mut places = vec![];
        for n in 1..4 {
            places.push(ground.joined(&ground.waits(n), i64::try_from(n).unwrap()).await);
        }
        ground.given_back(&gives, TEN).await;
        ground.offered(TEN).await;
        ground.dial(at(TEN)).await;
        let call = ground.answers(TEN + 1).await;
        let declined = says(&call, "decline_offer").await;
        assert_eq!((&declined["status"], ground.last().await.said), (&json!("declined"), Some(Said::Declined)));
        assert_eq!(ground.offered(TEN + 2).await, 1);
        assert_eq!(says(&call, "take_offer").await["status"], "declined", "it is the next one's");
        ground.dial(at(TEN + 2)).await;
        ground.told(Progress::NoAnswer, TEN + 3).await;
        assert_eq!(ground.offered(TEN + 3).await, 1);
        ground.dial(at(TEN + 4)).await;
        let one = ground.last().await;
        ground.answers(TEN + 4).await;
        let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
        tx.outgoing().machine(&one.id).await.unwrap();
        tx.commit().await.unwrap();
        ground.told(Progress::Completed, TEN + 5).await;
        assert_eq!(ground.last().await.ended, Some(Ending::Machine));
        assert_eq!(ground.offered(TEN + 6).await, 0);
        assert_eq!(ground.rung(), [number(1), number(2), number(3)]);
        for place in &places {
            assert_eq!(ground.place(&place.id).await, WaitingState::Waiting, "they wait for another");
            assert_eq!(ground.has(&place.contact).await, []);
        }
        assert!(ground.can_be_had(WEDNESDAY_9, TEN + 7).await);
    }

    async fn who_waits_with_an_appointment_has_it_moved_and_what_they_gave_up_is_offered_in_turn(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.offer_freed().await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        let late = WEDNESDAY_9 + DAY;
        let first = ground.joined(&ground.waits(1), 1).await;
        let own = ground.booked(&first.contact, late).await;
        waiting_list::remove(&ground.store, &ground.by(), at(2), &first.id).await.unwrap();
        let contact = Some(first.contact.clone());
        let moves = Wanted { contact, appointment: Some(own.id.clone()), ..ground.waits(1) };
        ground.joined(&moves, 3).await;
        ground.joined(&ground.waits(2), 4).await;
        ground.given_back(&gives, TEN).await;
        ground.offered(TEN).await;
        ground.dial(at(TEN)).await;
        let call = ground.answers(TEN + 1).await;
        let taken = says(&call, "take_offer").await;
        assert_eq!(taken["status"], "booked", "{taken}");
        assert_eq!(ground.has(&first.contact).await, [at(WEDNESDAY_9)], "moved, not booked twice");
        assert_eq!(ground.offered(TEN + 2).await, 1, "what they had is free");
        ground.dial(at(TEN + 2)).await;
        assert_eq!(ground.rung(), [number(1), number(2)]);
    }

    async fn nobody_is_called_about_what_they_do_not_want_or_at_night_or_too_late(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        let other = ground.booked(&ground.practice.contact.id, WEDNESDAY_9 + 60).await;
        let third = ground.booked(&ground.practice.contact.id, WEDNESDAY_9 + 120).await;
        ground.joined(&Wanted { from_min: 13 * 60, ..ground.waits(1) }, 1).await;
        ground.joined(&Wanted { resources: vec![ground.practice.ben.id.clone()], ..ground.waits(2) }, 2).await;
        ground.joined(&Wanted { first_day: Some(jiff::civil::date(2026, 3, 5)), ..ground.waits(3) }, 3).await;
        ground.joined(&ground.waits(4), 4).await;
        ground.joined(&ground.waits(5), 5).await;
        ground.given_back(&third, TEN).await;
        assert_eq!(ground.offered(TEN).await, 0, "the service's freed times are not offered");
        ground.offer_freed().await;
        let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
        opt_outs::note(&mut tx, &number(4).parse().unwrap(), OptOutSource::Staff, None, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        // At ten in the evening.
        ground.given_back(&gives, 14 * 60).await;
        assert_eq!(ground.offered(14 * 60).await, 0);
        assert_eq!(ground.offered(DAY + 59).await, 0);
        assert_eq!(ground.offered(DAY + 60).await, 1, "at nine in the morning");
        ground.dial(at(DAY + 60)).await;
        assert_eq!(ground.rung(), [number(5)], "the one whom it suits and who may be called");
        let (two_hours_before, by) = (WEDNESDAY_9 + 60 - 119, asker(&ground));
        let by = Asker { staff: Some(bookings::Staff { actor: ground.by(), seen: None }), ..by };
        bookings::cancel(&ground.store, &by, at(two_hours_before), &other.id, None).await.unwrap();
        ground.told(Progress::NoAnswer, DAY + 61).await;
        assert_eq!(ground.offered(two_hours_before).await, 0);
    }

    async fn a_call_that_breaks_off_after_the_yes_leaves_the_time_with_who_said_it(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.offer_freed().await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        let first = ground.joined(&ground.waits(1), 1).await;
        ground.joined(&ground.waits(2), 2).await;
        ground.given_back(&gives, TEN).await;
        ground.offered(TEN).await;
        ground.dial(at(TEN)).await;
        let one = ground.last().await;
        ground.answers(TEN + 1).await;
        let mut tx = ground.store.read(&ground.practice.tenant.id).await.unwrap();
        let (_, _, hold) = offers::kept_for(&mut tx, &one).await.unwrap().unwrap();
        let call = ground.last().await.call;
        drop(tx);
        // As the call would, and then nothing more is heard of it.
        let by = Asker { call, ..asker(&ground) };
        let wish = ground.wish(WEDNESDAY_9);
        bookings::book(&ground.store, &by, at(TEN + 1), &wish, &first.contact, "", Some(&hold)).await.unwrap();
        ground.told(Progress::Completed, TEN + 2).await;
        assert_eq!(ground.offered(TEN + 3).await, 0);
        assert_eq!(ground.place(&first.id).await, WaitingState::Booked);
        assert_eq!(ground.has(&first.contact).await, [at(WEDNESDAY_9)]);
    }

    async fn a_caller_joins_the_waiting_list_in_the_call_where_there_is_one(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let context = CallContext {
            tenant: ground.practice.tenant.clone(),
            call: ground.practice.call(&ground.store, 1).await,
            assistant: Arc::new(ground.practice.assistant.clone()),
            language: ground.practice.number.language,
            caller: number(1).parse().ok(),
            attested: false,
        };
        let call = Toolbox::new(context, &ground.store, Clock::showing(at(TEN)));
        let join = async |id: &str, arguments: Value| -> Value {
            let name = "join_waiting_list".to_owned();
            let request = Request { id: id.to_owned(), name, arguments: arguments.to_string() };
            serde_json::from_str(&call.run(request).await.output).unwrap()
        };
        let wanted = json!({ "service": "Vorsorge", "name": "Erika Neu", "when": "nächsten Donnerstag vormittags" });
        assert_eq!(join("1", wanted.clone()).await["status"], "no_waiting_list");
        ground.offer_freed().await;
        assert_eq!(join("2", json!({ "service": "Vorsorge" })).await["status"], "need_name");
        let joined = join("3", wanted).await;
        assert_eq!(joined["status"], "joined", "{joined}");
        assert!(joined["say"].as_str().unwrap().contains("Warteliste"));
        let list = waiting_list::list(&ground.store, &ground.by(), None, None, 10).await.unwrap().items;
        let [place] = &list[..] else { panic!("{list:?}") };
        assert_eq!(place.first_day, place.last_day);
        assert_eq!(place.first_day.weekday(), jiff::civil::Weekday::Thursday);
        assert!(place.until_min <= 12 * 60, "{}", place.until_min);
        let mut tx = ground.store.read(&ground.practice.tenant.id).await.unwrap();
        let contact = tx.contacts().get(&place.contact).await.unwrap().unwrap();
        assert_eq!((contact.name.as_str(), contact.number), ("Erika Neu", number(1).parse().ok()));
    }

    async fn two_workers_never_ask_two_people_about_one_time(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.offer_freed().await;
        let gives = ground.booked(&ground.practice.contact.id, WEDNESDAY_9).await;
        for n in 1..5 {
            ground.joined(&ground.waits(n), i64::try_from(n).unwrap()).await;
        }
        ground.given_back(&gives, TEN).await;
        let (a, b, c) = tokio::join!(ground.offered(TEN), ground.offered(TEN), ground.offered(TEN));
        assert_eq!(a + b + c, 1);
        while ground.dial(at(TEN)).await == frontdesk::app::outgoing::dialling::Dialled::Something {}
        assert_eq!(ground.rung(), [number(1)]);
    }
}
