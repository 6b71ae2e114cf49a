//! Groups and resources that are booked together: seats are never oversold, and nothing crosses a session.

use std::{collections::BTreeSet, sync::Arc};

use frontdesk::{
    app::{
        Error,
        bookings::{self, Asker, Search, Wish},
    },
    domain::{
        availability::Refusal,
        booking::{Appointment, AppointmentStatus, Selection},
        id::ContactId,
        time::{TimeRange, Timestamp},
    },
    store::{self, AppointmentFilter, Store},
};
use jiff::civil::date;
use tokio::sync::Barrier;

use crate::support::{
    databases::{CONNECTIONS_MAX, on_both},
    practice::{Practice, at},
};

/// Ten o'clock on the practice's Monday, in minutes after eight.
const TEN: i64 = 120;

on_both! {
    async fn of_thirty_rivals_for_a_group_of_four_four_get_a_seat(fresh: Fresh) {
        let practice = group(&fresh.store, 4).await;
        let wish = with_ada(&practice, TEN, 1);
        let got = rivals(&fresh.store, &practice, 30, move |_| wish.clone()).await;
        assert_eq!(got.iter().filter(|booked| booked.is_ok()).count(), 4);
        let full = |booked: &Result<Appointment, Error>| {
            matches!(booked, Ok(_) | Err(Error::Refused(Refusal::Capacity)))
        };
        assert!(got.iter().all(full), "{got:?}");
        let standing = standing(&fresh.store, &practice).await;
        assert_eq!(standing.len(), 4);
        let sessions: BTreeSet<_> = standing.iter().map(|one| one.session.clone().unwrap()).collect();
        assert_eq!(sessions.len(), 1, "they are one session");
    }

    async fn rivals_for_groups_that_would_cross_never_both_get_theirs(fresh: Fresh) {
        let practice = group(&fresh.store, 5).await;
        let rival = practice.clone();
        let got = rivals(&fresh.store, &practice, 40, move |n| {
            let seats = 1 + n % 2;
            with_ada(&rival, 60 + 15 * i64::from(n % 8), seats)
        })
        .await;
        assert!(got.iter().any(Result::is_ok));
        let standing = standing(&fresh.store, &practice).await;
        assert_eq!(standing.len(), got.iter().filter(|booked| booked.is_ok()).count());
        for one in &standing {
            let beside: u32 = standing.iter().filter(|other| other.session == one.session).map(|it| it.seats).sum();
            assert!(beside <= 5, "{beside} seats of 5 are taken");
            for other in standing.iter().filter(|other| other.session != one.session) {
                assert!(!one.blocked.overlaps(other.blocked), "{one:?} {other:?}");
            }
            for other in standing.iter().filter(|other| other.session == one.session) {
                assert_eq!(one.time, other.time);
            }
        }
    }

    async fn a_running_session_is_offered_until_it_is_full(fresh: Fresh) {
        let practice = group(&fresh.store, 3).await;
        let others = practice.vaccination.clone();
        book(&fresh.store, &practice, &with_ada(&practice, TEN, 2)).await.unwrap();
        assert!(offered(&fresh.store, &practice).await.contains(&at(TEN)));
        let two = book(&fresh.store, &practice, &with_ada(&practice, TEN, 2)).await;
        assert!(matches!(two, Err(Error::Refused(Refusal::Capacity))), "{two:?}");
        // Another service with the same resource crosses it, a second session too.
        let other = Wish { service: others.id, ..with_ada(&practice, TEN, 1) };
        assert!(matches!(book(&fresh.store, &practice, &other).await, Err(Error::Taken)));
        let crossing = book(&fresh.store, &practice, &with_ada(&practice, TEN + 15, 1)).await;
        assert!(matches!(crossing, Err(Error::Taken)), "{crossing:?}");
        book(&fresh.store, &practice, &with_ada(&practice, TEN, 1)).await.unwrap();
        assert!(!offered(&fresh.store, &practice).await.contains(&at(TEN)), "it is full");
    }

    async fn whoever_leaves_a_session_takes_only_their_seats(fresh: Fresh) {
        let practice = group(&fresh.store, 2).await;
        let by = asker(&practice);
        let first = book(&fresh.store, &practice, &with_ada(&practice, TEN, 1)).await.unwrap();
        let second = book(&fresh.store, &practice, &with_ada(&practice, TEN, 1)).await.unwrap();
        assert_eq!(first.session, second.session);
        // Where the session itself stands, the first one cannot have a session of its own.
        let nearby = with_ada(&practice, TEN + 15, 1);
        let crossing = bookings::move_to(&fresh.store, &by, at(0), &first.id, None, &nearby, None).await;
        assert!(matches!(crossing, Err(Error::Taken)), "{crossing:?}");
        let later = with_ada(&practice, TEN + 60, 1);
        let moved = bookings::move_to(&fresh.store, &by, at(0), &first.id, None, &later, None).await.unwrap();
        assert_ne!(moved.session, second.session, "it is another session");
        let third = book(&fresh.store, &practice, &with_ada(&practice, TEN, 1)).await.unwrap();
        assert_eq!(third.session, second.session);
        bookings::cancel(&fresh.store, &by, at(0), &second.id, None).await.unwrap();
        bookings::cancel(&fresh.store, &by, at(0), &third.id, None).await.unwrap();
        // With nobody left, the time is anybody's.
        book(&fresh.store, &practice, &nearby).await.unwrap();
    }

    async fn a_held_seat_becomes_the_seat_that_is_promised(fresh: Fresh) {
        let practice = group(&fresh.store, 2).await;
        let call = practice.call(&fresh.store, 1).await;
        let by = Asker { call: Some(call), ..asker(&practice) };
        let wish = with_ada(&practice, TEN, 1);
        book(&fresh.store, &practice, &wish).await.unwrap();
        let held = bookings::hold(&fresh.store, &by, at(0), &wish).await.unwrap();
        let full = book(&fresh.store, &practice, &wish).await;
        assert!(matches!(full, Err(Error::Refused(Refusal::Capacity))), "{full:?}");
        let contact = &practice.contact.id;
        let kept = bookings::confirm(&fresh.store, &by, at(1), &held.id, contact, "").await.unwrap();
        assert_eq!((&kept.id, &kept.session), (&held.id, &held.session));
        assert_eq!(standing(&fresh.store, &practice).await.len(), 2);
    }

    async fn the_database_itself_keeps_sessions_apart(fresh: Fresh) {
        let practice = group(&fresh.store, 2).await;
        let one = book(&fresh.store, &practice, &with_ada(&practice, TEN, 1)).await.unwrap();
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        let other = Appointment {
            id: "apt_other".parse().unwrap(),
            session: Some("another".to_owned()),
            ..one.clone()
        };
        let refused = tx.appointments().insert(&other, None, at(0)).await;
        assert!(matches!(refused, Err(store::Error::Taken)), "{refused:?}");
        drop(tx);
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        let beside = Appointment { session: one.session.clone(), ..other };
        tx.appointments().insert(&beside, None, at(0)).await.unwrap();
    }

    async fn together_takes_every_resource_and_gives_every_one_back(fresh: Fresh) {
        let mut practice = Practice::named("alpha");
        practice.checkup.selection = Selection::All;
        practice.keep(&fresh.store).await;
        let (store, by) = (&fresh.store, asker(&practice));
        let wish = |minutes| Wish { resource: None, ..with_ada(&practice, minutes, 1) };
        let both = book(store, &practice, &wish(TEN)).await.unwrap();
        assert_eq!((&both.resource, both.together.as_slice()), (&practice.ada.id, &[practice.ben.id.clone()][..]));
        assert_eq!(standing(store, &practice).await, std::slice::from_ref(&both), "it is one appointment");
        // The other one's time is taken too, by the engine's word and by the database's.
        let again = book(store, &practice, &wish(TEN)).await;
        assert!(matches!(again, Err(Error::Taken)), "{again:?}");
        let bens = Appointment {
            id: "apt_bens".parse().unwrap(),
            resource: practice.ben.id.clone(),
            together: vec![],
            session: None,
            ..both.clone()
        };
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        let refused = tx.appointments().insert(&bens, None, at(0)).await;
        assert!(matches!(refused, Err(store::Error::Taken)), "{refused:?}");
        drop(tx);
        // It is among Ben's appointments.
        let filter = AppointmentFilter { resource: Some(practice.ben.id.clone()), ..Default::default() };
        let listed = store.read(&practice.tenant.id).await.unwrap().appointments().page(&filter, None, 10).await;
        assert_eq!(listed.unwrap().items, std::slice::from_ref(&both));
        // Moved, it takes both along; cancelled, it gives both back.
        let moved = bookings::move_to(store, &by, at(0), &both.id, None, &wish(TEN + 15), None).await.unwrap();
        assert_eq!(moved.together, both.together);
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        let refused = tx.appointments().insert(&Appointment { time: moved.time, blocked: moved.blocked, ..bens.clone() }, None, at(0)).await;
        assert!(matches!(refused, Err(store::Error::Taken)), "{refused:?}");
        drop(tx);
        bookings::cancel(store, &by, at(0), &both.id, None).await.unwrap();
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.appointments().insert(&bens, None, at(0)).await.unwrap();
    }

    async fn a_hold_of_several_is_kept_given_back_and_promised_whole(fresh: Fresh) {
        let mut practice = Practice::named("alpha");
        practice.checkup.selection = Selection::All;
        practice.keep(&fresh.store).await;
        let call = practice.call(&fresh.store, 1).await;
        let by = Asker { call: Some(call), ..asker(&practice) };
        let wish = Wish { resource: None, ..with_ada(&practice, TEN, 1) };
        let held = bookings::hold(&fresh.store, &by, at(0), &wish).await.unwrap();
        assert!(matches!(book(&fresh.store, &practice, &wish).await, Err(Error::Taken)));
        bookings::release(&fresh.store, &by, &held.id).await.unwrap();
        let held = bookings::hold(&fresh.store, &by, at(0), &wish).await.unwrap();
        let contact = &practice.contact.id;
        let kept = bookings::confirm(&fresh.store, &by, at(1), &held.id, contact, "").await.unwrap();
        assert_eq!((kept.together, kept.status), (held.together, AppointmentStatus::Confirmed));
        // What lapses gives back all of it.
        let late = Wish { start: at(TEN + 60), ..wish };
        bookings::hold(&fresh.store, &by, at(1), &late).await.unwrap();
        let other = asker(&practice);
        bookings::book(&fresh.store, &other, at(6), &late, contact, "", None).await.unwrap();
    }

    async fn of_many_rivals_for_all_of_them_one_gets_them(fresh: Fresh) {
        let mut practice = Practice::named("alpha");
        practice.checkup.selection = Selection::All;
        practice.keep(&fresh.store).await;
        let rival = practice.clone();
        // Every third one wants only Ada, for something else.
        let got = rivals(&fresh.store, &practice, 24, move |n| {
            if n % 3 == 0 {
                Wish { service: rival.vaccination.id.clone(), ..with_ada(&rival, TEN, 1) }
            } else {
                Wish { resource: None, ..with_ada(&rival, TEN, 1) }
            }
        })
        .await;
        assert_eq!(got.iter().filter(|booked| booked.is_ok()).count(), 1, "{got:?}");
    }
}

/// A practice whose check-ups are for several, a quarter of an hour apart.
async fn group(store: &Store, capacity: u32) -> Practice {
    let mut practice = Practice::named("alpha");
    practice.checkup.capacity = capacity;
    practice.keep(store).await;
    practice
}

fn asker(practice: &Practice) -> Asker {
    Asker { tenant: practice.tenant.id.clone(), call: None, key: None, staff: None }
}

fn with_ada(practice: &Practice, minutes: i64, seats: u32) -> Wish {
    let (service, resource) = (practice.checkup.id.clone(), Some(practice.ada.id.clone()));
    Wish { service, start: at(minutes), resource, seats }
}

async fn book(store: &Store, practice: &Practice, wish: &Wish) -> Result<Appointment, Error> {
    bookings::book(store, &asker(practice), at(0), wish, &practice.contact.id, "", None).await
}

/// The starts that are offered with Ada on Monday.
async fn offered(store: &Store, practice: &Practice) -> BTreeSet<Timestamp> {
    let search = Search {
        service: practice.checkup.id.clone(),
        from: date(2026, 3, 2),
        to: date(2026, 3, 2),
        resource: Some(practice.ada.id.clone()),
        moving: None,
        count_max: 100,
    };
    let free = bookings::find(store, &practice.tenant.id, at(0), &search).await.unwrap();
    free.into_iter().map(|slot| slot.time.start).collect()
}

async fn standing(store: &Store, practice: &Practice) -> Vec<Appointment> {
    let day = TimeRange { start: at(0), end: at(24 * 60) };
    let mut tx = store.read(&practice.tenant.id).await.unwrap();
    tx.appointments().busy(day, Timestamp::MIN).await.unwrap()
}

/// Has many book at once, every other one by way of a hold; what each of them got.
async fn rivals(
    store: &Store,
    practice: &Practice,
    count: u32,
    wish: impl Fn(u32) -> Wish,
) -> Vec<Result<Appointment, Error>> {
    let mut calls = Vec::new();
    for n in 0..count {
        calls.push(practice.call(store, n).await);
    }
    let warm = (0..CONNECTIONS_MAX).map(|_| store.read(&practice.tenant.id));
    futures_util::future::try_join_all(warm).await.unwrap();
    let together = Arc::new(Barrier::new(calls.len()));
    let mut tasks = tokio::task::JoinSet::new();
    for (n, call) in (0..).zip(calls) {
        let (store, wish): (Store, Wish) = (store.clone(), wish(n));
        let (contact, together): (ContactId, _) = (practice.contact.id.clone(), Arc::clone(&together));
        let by = Asker { call: Some(call), ..asker(practice) };
        tasks.spawn(async move {
            together.wait().await;
            let hold =
                if n % 2 == 0 { Some(bookings::hold(&store, &by, at(0), &wish).await?.id) } else { None };
            bookings::book(&store, &by, at(1), &wish, &contact, "", hold.as_ref()).await
        });
    }
    tasks.join_all().await
}
