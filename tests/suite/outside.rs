//! What calendars outside are known to say, and what the ledger makes of it: on both databases, no vendor asked.

use frontdesk::{
    app::{
        self,
        bookings::{self, Asker, Search, Wish},
    },
    domain::{
        availability::EventStatus,
        booking::{Appointment, AppointmentStatus, Step},
        calendar::{
            CalendarAccess, Clash, ClashKind, Connection, ConnectionState, EventId, Grant, OutsideCalendar,
            OutsideEvent, Place, Vendor,
        },
        id::{AppointmentId, CalendarId},
        time::{TimeRange, Timestamp},
    },
    store::{Choice, Lane, SealedTokens, Store, Work, Written},
};
use jiff::civil::date;

use crate::support::{
    databases::on_both,
    practice::{Practice, at},
};

/// Monday at ten, in minutes after eight.
const TEN: i64 = 120;
/// Until when the calendar of these tests is known.
const KNOWN_DAYS: i64 = 90;

/// A practice whose Ada keeps a calendar outside, into which her appointments are written.
struct Outside {
    practice: Practice,
    calendar: CalendarId,
}

impl Outside {
    async fn open(store: &Store, target: bool) -> Self {
        let practice = Practice::open(store, "alpha").await;
        let calendar: CalendarId = "cal_ada".parse().unwrap();
        let connection = Connection {
            id: "cnx_ada".parse().unwrap(),
            vendor: Vendor::Google,
            grant: Grant::Person,
            account: "ada@alpha.example".to_owned(),
            directory: None,
            personal: false,
            state: ConnectionState::Connected,
            problem: None,
            connected: at(0),
            since: at(0),
        };
        let kept = OutsideCalendar {
            id: calendar.clone(),
            connection: connection.id.clone(),
            place: Place {
                mailbox: None,
                calendar: "ada@alpha.example".to_owned(),
                zone: practice.tenant.zone.clone(),
            },
            name: "Ada".to_owned(),
            primary: true,
            access: CalendarAccess::Write,
            there: true,
        };
        let tokens = SealedTokens { refresh: None, access: Some(vec![1]), access_expires: at(60) };
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.connections().add(&connection, &Default::default(), &tokens, "usr_ada").await.unwrap();
        tx.calendars().put(&kept, at(0)).await.unwrap();
        let choice = Choice { calendar: calendar.clone(), blocks: true, target };
        tx.calendars().choose(&practice.ada.id, &[choice]).await.unwrap();
        tx.commit().await.unwrap();
        Self { practice, calendar }
    }

    /// A round has told that these events stand there.
    async fn learnt(&self, store: &Store, events: &[OutsideEvent]) {
        let window = TimeRange { start: at(-60), end: at(KNOWN_DAYS * 24 * 60) };
        let mut tx = store.begin(&self.practice.tenant.id).await.unwrap();
        tx.outside_events().begin_round(&self.calendar, window).await.unwrap();
        let round = tx.outside_events().state(&self.calendar).await.unwrap().unwrap().round;
        for event in events {
            tx.outside_events().keep(&self.calendar, round, event).await.unwrap();
        }
        tx.outside_events().forget_untold(&self.calendar, round).await.unwrap();
        assert!(tx.outside_events().advance(&self.calendar, round, "later", true, at(0)).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn book(&self, store: &Store, key: &str, wish: &Wish) -> Result<Appointment, app::Error> {
        let contact = &self.practice.contact.id;
        bookings::book(store, &self.asker(key), at(0), wish, contact, "", None).await
    }

    fn asker(&self, key: &str) -> Asker {
        let tenant = self.practice.tenant.id.clone();
        Asker { tenant, call: None, key: Some(key.to_owned()), staff: None }
    }

    /// A check-up with Ada.
    fn wish(&self, minutes: i64) -> Wish {
        Wish {
            service: self.practice.checkup.id.clone(),
            start: at(minutes),
            resource: Some(self.practice.ada.id.clone()),
            seats: 1,
        }
    }

    /// The free times with Ada on Monday, in minutes after eight.
    async fn free(&self, store: &Store) -> Vec<i64> {
        let monday = date(2026, 3, 2);
        let search = Search {
            service: self.practice.checkup.id.clone(),
            from: monday,
            to: monday,
            resource: Some(self.practice.ada.id.clone()),
            moving: None,
            count_max: 100,
        };
        let free = bookings::find(store, &self.practice.tenant.id, at(0), &search).await.unwrap();
        free.iter().map(|slot| slot.time.start.millis_since(at(0)) / 60_000).collect()
    }
}

fn event(name: &str, from: i64, until: i64, status: EventStatus) -> OutsideEvent {
    OutsideEvent {
        id: EventId(name.to_owned()),
        time: TimeRange { start: at(from), end: at(until) },
        status,
        etag: None,
        made: Some(at(-600)),
        appointment: None,
    }
}

on_both! {
    async fn what_takes_one_persons_time_is_not_read_for_another(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, false).await;
        outside.learnt(&fresh.store, &[event("a", TEN, TEN + 60, EventStatus::Busy)]).await;
        let (ada, ben) = (outside.practice.ada.id.clone(), outside.practice.ben.id.clone());
        let mut tx = fresh.store.read(&outside.practice.tenant.id).await.unwrap();
        let range = TimeRange { start: at(0), end: at(600) };
        assert_eq!(tx.outside_events().busy(&[ada.clone(), ben.clone()], range).await.unwrap().len(), 1);
        assert_eq!(tx.outside_events().busy(&[ada], range).await.unwrap().len(), 1);
        assert_eq!(tx.outside_events().busy(&[ben], range).await.unwrap(), []);
        assert_eq!(tx.outside_events().busy(&[], range).await.unwrap(), []);
    }

    async fn nothing_is_offered_of_a_calendar_that_is_not_known(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, false).await;
        assert_eq!(outside.free(&fresh.store).await, [0i64; 0]);
        outside.learnt(&fresh.store, &[]).await;
        assert!(outside.free(&fresh.store).await.contains(&TEN));
    }

    async fn what_stands_in_a_calendar_is_not_offered_unless_it_takes_no_time(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, false).await;
        let events = [
            event("busy", TEN, TEN + 60, EventStatus::Busy),
            event("free", TEN + 60, TEN + 120, EventStatus::Free),
            event("declined", TEN + 60, TEN + 120, EventStatus::Declined),
        ];
        outside.learnt(&fresh.store, &events).await;
        let free = outside.free(&fresh.store).await;
        assert!(!free.contains(&TEN) && !free.contains(&(TEN + 45)), "{free:?}");
        // Ten minutes are kept free after a check-up, so it must have begun by twenty past nine.
        assert!(free.contains(&(TEN - 45)) && !free.contains(&(TEN - 30)), "{free:?}");
        assert!(free.contains(&(TEN + 60)), "{free:?}");
    }

    async fn what_a_round_does_not_tell_is_forgotten_at_its_end(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, false).await;
        outside.learnt(&fresh.store, &[event("once", TEN, TEN + 60, EventStatus::Busy)]).await;
        assert!(!outside.free(&fresh.store).await.contains(&TEN));
        outside.learnt(&fresh.store, &[]).await;
        assert!(outside.free(&fresh.store).await.contains(&TEN));
    }

    async fn a_page_of_a_round_that_another_has_replaced_changes_nothing(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, false).await;
        outside.learnt(&fresh.store, &[]).await;
        let window = TimeRange { start: at(0), end: at(60) };
        let mut tx = fresh.store.begin(&outside.practice.tenant.id).await.unwrap();
        let old = tx.outside_events().state(&outside.calendar).await.unwrap().unwrap();
        tx.outside_events().begin_round(&outside.calendar, window).await.unwrap();
        let late = tx.outside_events().advance(&outside.calendar, old.round, "late", true, at(1)).await;
        assert!(!late.unwrap());
        let state = tx.outside_events().state(&outside.calendar).await.unwrap().unwrap();
        assert_eq!((state.round, state.round_done, state.mark), (old.round + 1, old.round, None));
    }

    async fn what_is_to_be_written_outside_is_pending_and_has_work_to_do(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, true).await;
        outside.learnt(&fresh.store, &[]).await;
        let booked = outside.book(&fresh.store, "1", &outside.wish(TEN)).await;
        let booked = booked.unwrap();
        assert_eq!(booked.status, AppointmentStatus::Pending);
        let work = Work::SettleAppointment { appointment: booked.id.clone() };
        let jobs = fresh.store.across_tenants().take_jobs(at(0), at(1), 9, Lane::Prompt).await.unwrap();
        assert_eq!(jobs.iter().map(|job| &job.work).collect::<Vec<_>>(), [&work]);
        // Its time is taken as that of any other.
        let rival = outside.book(&fresh.store, "2", &outside.wish(TEN)).await;
        assert!(rival.is_err());
        let mut tx = fresh.store.begin(&outside.practice.tenant.id).await.unwrap();
        let seen = tx.appointments().revised(&booked.id).await.unwrap().unwrap().revision;
        assert!(tx.appointments().settled(&booked.id, seen).await.unwrap());
        assert!(!tx.appointments().settled(&booked.id, seen).await.unwrap(), "it is another state of it");
        let standing = tx.appointments().get(&booked.id).await.unwrap().unwrap();
        assert_eq!(standing.status, AppointmentStatus::Confirmed);
        let steps = tx.history().of(&booked.id).await.unwrap();
        assert_eq!(steps.iter().map(|step| step.what).collect::<Vec<_>>(), [Step::Booked]);
    }

    async fn without_a_calendar_to_write_to_an_appointment_is_confirmed_at_once(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, true).await;
        outside.learnt(&fresh.store, &[]).await;
        let wish = Wish { resource: Some(outside.practice.ben.id.clone()), ..outside.wish(TEN) };
        let booked = outside.book(&fresh.store, "1", &wish).await;
        assert_eq!(booked.unwrap().status, AppointmentStatus::Confirmed);
    }

    async fn an_event_of_ours_takes_no_time_besides_its_appointment(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, true).await;
        outside.learnt(&fresh.store, &[]).await;
        let (contact, tenant) = (&outside.practice.contact.id, &outside.practice.tenant.id);
        let booked = outside.book(&fresh.store, "1", &outside.wish(TEN)).await;
        let booked = booked.unwrap();
        let written = Written {
            appointment: booked.id.clone(),
            calendar: outside.calendar.clone(),
            naming: 0,
            event: Some(EventId("ours".to_owned())),
            etag: None,
            time: booked.time,
            written: Some(at(0)),
            content: None,
        };
        let mut tx = fresh.store.begin(tenant).await.unwrap();
        tx.written().put(&written).await.unwrap();
        tx.commit().await.unwrap();
        outside.learnt(&fresh.store, &[event("ours", TEN, TEN + 30, EventStatus::Busy)]).await;
        let (by, wish) = (outside.asker("2"), outside.wish(TEN + 15));
        let moved =
            bookings::move_to(&fresh.store, &by, at(0), &booked.id, Some(contact), &wish, None).await;
        assert_eq!(moved.unwrap().time.start, at(TEN + 15), "its own event is not in its way");
    }

    async fn a_foreign_event_over_an_appointment_is_found_until_it_is_gone(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, true).await;
        outside.learnt(&fresh.store, &[]).await;
        let tenant = &outside.practice.tenant.id;
        let booked = outside.book(&fresh.store, "1", &outside.wish(TEN)).await;
        let booked = booked.unwrap();
        // The very same time may be the event we have written and do not know by name yet.
        let same = event("same", TEN, TEN + 30, EventStatus::Busy);
        outside.learnt(&fresh.store, &[same, event("over", TEN + 10, TEN + 40, EventStatus::Busy)]).await;
        let mut tx = fresh.store.read(tenant).await.unwrap();
        let over = tx.outside_events().over_appointments(&outside.calendar, at(0), 10).await.unwrap();
        let over: Vec<_> = over.iter().map(|over| (&over.appointment, over.event.0.as_str())).collect();
        assert_eq!(over, [(&booked.id, "over")]);
        let past = tx.outside_events().over_appointments(&outside.calendar, at(TEN + 30), 10).await.unwrap();
        assert!(past.is_empty(), "what is over clashes with nothing");
    }

    async fn a_clash_is_told_once_until_it_is_over(fresh: Fresh) {
        let outside = Outside::open(&fresh.store, true).await;
        let tenant = &outside.practice.tenant.id;
        outside.learnt(&fresh.store, &[]).await;
        let booked = outside.book(&fresh.store, "1", &outside.wish(TEN)).await;
        let clash = |name: &str, found: Timestamp| Clash {
            id: format!("cls_{name}").parse().unwrap(),
            appointment: "apt_x".parse().unwrap(),
            calendar: Some(outside.calendar.clone()),
            event: Some(EventId("over".to_owned())),
            what: ClashKind::EventOverAppointment,
            found,
            settled: None,
        };
        let appointment: AppointmentId = booked.unwrap().id;
        let clash = |name: &str, found| Clash { appointment: appointment.clone(), ..clash(name, found) };
        let mut tx = fresh.store.begin(tenant).await.unwrap();
        assert!(tx.clashes().add(&clash("a", at(1))).await.unwrap());
        assert!(!tx.clashes().add(&clash("b", at(2))).await.unwrap());
        let open = tx.clashes().open_in(&outside.calendar, ClashKind::EventOverAppointment).await.unwrap();
        assert_eq!(open, [clash("a", at(1))]);
        tx.clashes().settle(&open[0], at(3)).await.unwrap();
        assert!(tx.clashes().add(&clash("c", at(4))).await.unwrap(), "it has come again");
        let all = tx.clashes().page(Some(true), None, 10).await.unwrap().items;
        assert_eq!(all.iter().map(|clash| clash.found).collect::<Vec<_>>(), [at(4)]);
        assert!(tx.clashes().page(Some(false), None, 10).await.unwrap().items.is_empty());
    }

    async fn work_that_is_asked_for_while_it_is_done_is_done_again_and_never_twice_at_once(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let work = Work::SettleAppointment { appointment: "apt_one".parse().unwrap() };
        let ask = async |id: &str, due| {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            tx.jobs().add(&id.parse().unwrap(), &work, due).await.unwrap();
            tx.commit().await.unwrap();
        };
        let take = async |now, until| {
            fresh.store.across_tenants().take_jobs(now, until, 10, Lane::Prompt).await.unwrap()
        };
        ask("job_1", at(0)).await;
        assert!(
            fresh.store.across_tenants().take_jobs(at(0), at(5), 10, Lane::Slow).await.unwrap().is_empty(),
            "it is in another lane"
        );
        let first = take(at(0), at(5)).await;
        assert_eq!(first.len(), 1);
        ask("job_2", at(1)).await;
        assert_eq!(take(at(2), at(7)).await, [], "somebody is at it");
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert!(tx.jobs().done(&first[0]).await.unwrap());
        tx.commit().await.unwrap();
        let second = take(at(2), at(7)).await;
        assert_eq!(second.len(), 1, "it was asked for after it had begun");
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert!(tx.jobs().done(&second[0]).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(take(at(20), at(25)).await, []);
    }
}
