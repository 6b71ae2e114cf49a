//! Reminders: derived from appointments as they stand, once each, and what follows when nobody was reached.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use frontdesk::{
    app::outgoing::{
        dialling::{Dialled, Dialler, TURN_MS},
        news,
        reminders::{plan, plan_due},
    },
    domain::{
        booking::{Appointment, AppointmentStatus},
        contact::Contact,
        id::AppointmentId,
        outgoing::{Channel, Ending, OptOutSource, Outgoing, OutgoingState, ReminderRule},
        time::{TimeRange, Timestamp},
    },
    store::OptOut,
    telephony::rest::calls::Progress,
};

use super::ground::Ground;
use crate::support::{
    databases::{Fresh, on_both},
    practice::at,
};

/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;
const DAY: i64 = 24 * 60;

impl Ground {
    /// Has people reminded by a call a day before.
    async fn remind(&self, attempts_max: u32, sms_after: bool, since: Timestamp) {
        let rule = ReminderRule {
            service: self.practice.checkup.id.clone(),
            lead_min: 24 * 60,
            channel: Channel::Call,
            attempts_max,
            sms_after,
            wording: BTreeMap::new(),
        };
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        tx.reminders().set(&rule.service.clone(), &[rule], since).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An appointment that begins then, made at `made`.
    async fn promise(&self, name: &str, start: Timestamp, made: Timestamp) -> Appointment {
        let time = TimeRange { start, end: start.plus_minutes(30) };
        let appointment = Appointment {
            id: format!("apt_{name}").parse::<AppointmentId>().unwrap(),
            service: self.practice.checkup.id.clone(),
            resource: self.practice.ada.id.clone(),
            together: vec![],
            seats: 1,
            session: None,
            contact: Some(self.practice.contact.id.clone()),
            time,
            blocked: time,
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: String::new(),
            clashing: false,
        };
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        tx.appointments().insert(&appointment, None, made).await.unwrap();
        tx.commit().await.unwrap();
        appointment
    }

    async fn change(&self, before: &Appointment, after: &Appointment) {
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        assert!(tx.appointments().update(after, before.status).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn all(&self) -> Vec<Outgoing> {
        let mut tx = self.store.read(&self.practice.tenant.id).await.unwrap();
        let mut all = tx.outgoing().page(None, None, 200).await.unwrap().items;
        all.sort_by_key(|one| one.attempt);
        all
    }

    async fn plan(&self, now: Timestamp) -> usize {
        plan(&self.store, &self.practice.tenant.id, now).await.unwrap()
    }

    /// Twilio tells that the last call was not answered.
    async fn nobody_answers(&self, now: Timestamp) {
        let placed = self.exchange.placed();
        let sid = placed.last().unwrap().sid.parse().unwrap();
        let tenant = &self.practice.tenant.id;
        let one = self.store.read(tenant).await.unwrap().outgoing().by_sid(&sid).await.unwrap().unwrap();
        news::told(&self.store, tenant, &one.id, &sid, Progress::NoAnswer, now).await.unwrap();
    }
}

on_both! {
    async fn an_appointment_is_reminded_of_once_when_it_is_due(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.remind(1, false, at(-DAY)).await;
        ground.promise("a", at(DAY + TEN), at(-DAY)).await;
        assert_eq!(ground.plan(at(TEN - 1)).await, 0, "not a minute before its time");
        assert_eq!(ground.plan(at(TEN)).await, 1);
        assert_eq!(ground.plan(at(TEN)).await, 0, "and once");
        assert_eq!(ground.plan(at(TEN + 60)).await, 0);
        ground.dial(at(TEN)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
    }

    async fn who_books_when_the_time_to_be_reminded_has_passed_is_not_reminded(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.remind(1, false, at(-DAY)).await;
        ground.promise("a", at(DAY + TEN), at(TEN + 5)).await;
        assert_eq!(ground.plan(at(TEN + 6)).await, 0);
    }

    async fn what_was_due_before_there_was_a_rule_is_not_made_up_for(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.promise("a", at(DAY + TEN), at(-DAY)).await;
        ground.remind(1, false, at(TEN + 60)).await;
        assert_eq!(ground.plan(at(TEN + 61)).await, 0);
    }

    async fn an_appointment_that_was_moved_or_cancelled_is_not_called_about(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.remind(1, false, at(-DAY)).await;
        let moved = ground.promise("a", at(DAY + TEN), at(-DAY)).await;
        let gone = ground.promise("b", at(DAY + TEN + 60), at(-DAY)).await;
        ground.plan(at(TEN + 60)).await;
        let start = at(3 * DAY + TEN);
        let time = TimeRange { start, end: start.plus_minutes(30) };
        ground.change(&moved, &Appointment { time, blocked: time, ..moved.clone() }).await;
        ground.change(&gone, &Appointment { status: AppointmentStatus::Cancelled, ..gone.clone() }).await;
        ground.dial(at(TEN + 61)).await;
        ground.dial(at(TEN + 62)).await;
        assert_eq!(ground.exchange.placed().len(), 0);
        assert!(ground.all().await.iter().all(|one| one.ended == Some(Ending::AppointmentGone)));
        assert_eq!(ground.plan(at(2 * DAY + TEN)).await, 1, "the one that was moved is due again for its new time");
    }

    async fn who_is_not_reached_is_tried_again_on_another_day_and_then_written_to(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.remind(2, true, at(-DAY)).await;
        // On Wednesday at 14:00, reminded of on Tuesday at 14:00.
        ground.promise("a", at(2 * DAY + 6 * 60), at(-DAY)).await;
        ground.plan(at(DAY + 6 * 60)).await;
        ground.dial(at(DAY + 6 * 60)).await;
        ground.nobody_answers(at(DAY + 6 * 60 + 1)).await;
        let all = ground.all().await;
        assert_eq!((all.len(), all[1].attempt, all[1].channel), (2, 2, Channel::Call));
        ground.dial(at(DAY + 8 * 60 + 1)).await;
        assert_eq!(ground.exchange.placed().len(), 1, "not twice on one day");
        ground.dial(at(2 * DAY + 60)).await;
        assert_eq!(ground.exchange.placed().len(), 2, "on Wednesday at nine");
        ground.nobody_answers(at(2 * DAY + 61)).await;
        ground.dial(at(2 * DAY + 62)).await;
        let texted = ground.exchange.texted();
        assert_eq!(texted.len(), 1);
        assert!(texted[0].body.contains("Praxis Dr. Beispiel") && texted[0].body.contains("Termin"), "{:?}", texted[0]);
        assert!(!texted[0].body.contains("Vorsorge"), "of what it is nothing is written");
        let all = ground.all().await;
        assert_eq!(all.last().map(|one| (one.state, one.ended)), Some((OutgoingState::Over, Some(Ending::Sent))));
    }

    async fn a_reminder_that_cannot_be_made_in_time_is_written_where_that_is_wanted(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.remind(3, true, at(-DAY)).await;
        // On Tuesday at 9:30: a second call could not be made before.
        ground.promise("a", at(DAY + 90), at(-DAY)).await;
        ground.plan(at(90)).await;
        ground.dial(at(90)).await;
        ground.nobody_answers(at(91)).await;
        ground.dial(at(91 + 121)).await;
        ground.dial(at(91 + 122)).await;
        assert_eq!(ground.exchange.placed().len(), 1);
        assert_eq!(ground.exchange.texted().len(), 1);
    }
}

/// Many reminders, two workers that race for them, and one that is killed in the middle: fewer than the command makes, at
/// the same rules.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reminders_are_dialled_once_each_by_two_workers_of_which_one_is_killed() {
    many_reminders(crate::support::databases::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reminders_are_dialled_once_each_by_two_workers_of_which_one_is_killed_on_postgres() {
    many_reminders(crate::support::databases::on_postgres().await).await;
}

async fn many_reminders(fresh: Fresh) {
    const COUNT: i64 = 60;
    let ground = Ground::open(&fresh.store).await;
    ground.remind(1, false, at(-DAY)).await;
    let tenant = ground.practice.tenant.id.clone();
    let mut opted_out = BTreeSet::new();
    for n in 0..COUNT {
        let number: frontdesk::domain::phone::E164 = format!("+49151223{n:05}").parse().unwrap();
        let contact = Contact {
            id: format!("con_m{n}").parse().unwrap(),
            number: Some(number.clone()),
            ..ground.practice.contact.clone()
        };
        // From 19:59:30 on, one every second: the later ones fall into the quiet hours.
        let start = at(DAY + 11 * 60 + 59).plus_millis(30_000 + n * 1_000);
        let time = TimeRange { start, end: start.plus_millis(500) };
        let appointment = Appointment {
            id: format!("apt_m{n}").parse().unwrap(),
            service: ground.practice.checkup.id.clone(),
            resource: ground.practice.ada.id.clone(),
            together: vec![],
            seats: 1,
            session: None,
            contact: Some(contact.id.clone()),
            time,
            blocked: time,
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: String::new(),
            clashing: false,
        };
        let mut tx = ground.store.begin(&tenant).await.unwrap();
        tx.contacts().put(&contact, at(-DAY)).await.unwrap();
        tx.appointments().insert(&appointment, None, at(-DAY)).await.unwrap();
        if n % 10 == 3 {
            opted_out.insert(number.to_string());
            let wish = OptOut {
                id: format!("opt_m{n}").parse().unwrap(),
                number,
                source: OptOutSource::Staff,
                call: None,
                since: at(0),
            };
            tx.opt_outs().add(&wish).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    let began = at(11 * 60 + 59);
    let dialler = Arc::new(ground.dialler.clone());
    // Two at every moment; at some of them one is dropped in the middle of what it does.
    for moment in 0..(COUNT * 3) {
        let now = began.plus_millis(moment * 1_000);
        ground.exchange.set_time(now);
        plan_due(&ground.store, now, 10).await.unwrap();
        let worker = |dialler: Arc<Dialler>| {
            let tenant = tenant.clone();
            async move { while dialler.dial_next(&tenant, now).await.unwrap() == Dialled::Something {} }
        };
        if moment % 7 == 5 {
            let killed = tokio::time::timeout(std::time::Duration::from_millis(2), worker(dialler.clone()));
            let (_, ()) = tokio::join!(killed, worker(dialler.clone()));
        } else {
            tokio::join!(worker(dialler.clone()), worker(dialler.clone()));
        }
        dialler.check_due(now, 100).await.unwrap();
        for placed in ground.exchange.placed() {
            ground.exchange.stands(&placed.sid, "no-answer");
        }
    }
    // The next morning, for those that were put off, and for those whose worker was killed.
    let morning = at(DAY + 60);
    for moment in 0..(COUNT * 5) {
        let now = morning.plus_millis(moment * 1_000);
        ground.exchange.set_time(now);
        while dialler.dial_next(&tenant, now).await.unwrap() == Dialled::Something {}
        dialler.check_due(now, 100).await.unwrap();
        for placed in ground.exchange.placed() {
            ground.exchange.stands(&placed.sid, "no-answer");
        }
    }
    let placed = ground.exchange.placed();
    let mut seen = BTreeMap::new();
    for call in &placed {
        *seen.entry(call.asked("To").to_owned()).or_insert(0) += 1;
        let wall = ground.practice.tenant.zone.wall(call.created);
        assert!((9..20).contains(&wall.hour()), "{wall} is a quiet hour");
        assert!(!opted_out.contains(call.asked("To")), "somebody who opted out was called");
    }
    assert!(seen.values().all(|count| *count == 1), "somebody was rung twice: {seen:?}");
    let mut asked: Vec<Timestamp> = ground.all().await.into_iter().filter_map(|one| one.asked).collect();
    asked.sort_unstable();
    assert!(
        asked.windows(2).all(|pair| pair[1].millis_since(pair[0]) >= TURN_MS),
        "two calls within a second"
    );
    let wanted = usize::try_from(COUNT).unwrap() - opted_out.len();
    assert_eq!(seen.len(), wanted, "everybody else was called, at the latest the next morning");
    assert_eq!(ground.faults.all(), [""; 0]);
}
