//! Never double-booked: a time is promised to one caller, whatever races, repeats or lapses.

use std::{collections::BTreeSet, sync::Arc};

use frontdesk::{
    app::{
        Error,
        bookings::{self, Asker, HOLD_MINUTES, Search, Wish},
    },
    domain::{
        availability::Refusal,
        booking::{Appointment, AppointmentStatus, Service},
        id::{CallId, ContactId},
        time::{TimeRange, Timestamp},
    },
    store::Store,
};
use jiff::civil::date;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::sync::Barrier;

use crate::support::{
    databases::{CONNECTIONS_MAX, Fresh, on_both, on_postgres, on_sqlite},
    practice::{Practice, at},
};

/// Ten o'clock on the practice's Monday, in minutes after eight.
const TEN: i64 = 120;

on_both! {
    async fn of_forty_rivals_for_one_slot_one_gets_it(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let wish = with(&practice, &practice.checkup, TEN);
        let got = rivals(&fresh.store, &practice, 40, move |_| wish.clone()).await;
        assert_eq!(got.iter().filter(|booked| booked.is_ok()).count(), 1);
        assert!(got.iter().all(|booked| matches!(booked, Ok(_) | Err(Error::Taken))), "{got:?}");
        assert_eq!(standing(&fresh.store, &practice).await.len(), 1);
    }

    async fn whoever_loses_a_race_falls_over_to_the_next_who_is_free(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let wish = Wish { resource: None, ..with(&practice, &practice.checkup, TEN) };
        let got = rivals(&fresh.store, &practice, 12, move |_| wish.clone()).await;
        let resources: BTreeSet<_> =
            got.iter().filter_map(|booked| Some(booked.as_ref().ok()?.resource.clone())).collect();
        assert_eq!(got.iter().filter(|booked| booked.is_ok()).count(), 2);
        assert_eq!(resources, BTreeSet::from([practice.ada.id.clone(), practice.ben.id.clone()]));
    }

    async fn rivals_whose_times_overlap_never_both_get_theirs(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let rival = practice.clone();
        // Starts a quarter of an hour apart, of two services that share Ada.
        let got = rivals(&fresh.store, &practice, 40, move |n| {
            let service = if n % 2 == 0 { &rival.checkup } else { &rival.vaccination };
            with(&rival, service, 60 + 15 * i64::from(n % 12))
        })
        .await;
        assert!(got.iter().all(|booked| matches!(booked, Ok(_) | Err(Error::Taken))), "{got:?}");
        let standing = standing(&fresh.store, &practice).await;
        assert_eq!(standing.len(), got.iter().filter(|booked| booked.is_ok()).count());
        assert!(standing.len() >= 3, "some fit: {standing:?}");
        assert_apart(&standing);
    }

    async fn a_limit_per_day_holds_among_rivals_for_different_times(fresh: Fresh) {
        let mut practice = Practice::named("alpha");
        practice.checkup.per_day_max = Some(3);
        practice.keep(&fresh.store).await;
        let rival = practice.clone();
        let got = rivals(&fresh.store, &practice, 16, move |n| Wish {
            resource: None,
            ..with(&rival, &rival.checkup, 60 + 45 * i64::from(n % 4) + 240 * i64::from(n / 8))
        })
        .await;
        assert_eq!(got.iter().filter(|booked| booked.is_ok()).count(), 3, "{got:?}");
        let limited = |booked: &Result<Appointment, Error>| {
            matches!(booked, Err(Error::Refused(Refusal::Limit) | Error::Taken))
        };
        assert!(got.iter().all(|booked| booked.is_ok() || limited(booked)), "{got:?}");
    }

    async fn what_is_listed_can_be_booked_and_is_then_no_longer_listed(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let mut booked = 0;
        loop {
            let free = bookings::find(&fresh.store, &practice.tenant.id, at(0), &monday(&practice)).await.unwrap();
            let Some(slot) = free.first() else { break };
            let wish =
                Wish { service: practice.checkup.id.clone(), start: slot.time.start, resource: None, seats: 1 };
            let kept = book(&fresh.store, &practice, &wish, &practice.contact.id).await.unwrap();
            assert_eq!((kept.time, &kept.resource), (slot.time, &slot.resources[0]));
            booked += 1;
            let free = bookings::find(&fresh.store, &practice.tenant.id, at(0), &monday(&practice)).await.unwrap();
            assert!(
                free.iter().all(|other| other.time != slot.time || !other.resources.contains(&kept.resource))
            );
        }
        // Thirty minutes and ten kept free, on a grid of fifteen: four in the morning, five in the afternoon, twice.
        assert_eq!(booked, 18);
        assert_apart(&standing(&fresh.store, &practice).await);
    }

    async fn a_rule_that_is_against_a_time_is_told(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        for (minutes, refusal) in [
            (15, Refusal::Notice),
            (245, Refusal::OutsideHours),
            (TEN + 1, Refusal::OffGrid),
            (5 * 24 * 60 + TEN, Refusal::Closed),
            (90 * 24 * 60, Refusal::Horizon),
        ] {
            let wish = with(&practice, &practice.checkup, minutes);
            let refused = hold(&fresh.store, &practice, None, &wish, at(0)).await;
            assert!(matches!(&refused, Err(Error::Refused(why)) if *why == refusal), "{minutes}: {refused:?}");
        }
        let nothing = Wish { service: "svc_none".parse().unwrap(), ..with(&practice, &practice.checkup, TEN) };
        let refused = hold(&fresh.store, &practice, None, &nothing, at(0)).await;
        assert!(matches!(refused, Err(Error::NotFound("service"))));
    }

    async fn buffers_of_neighbours_add_up(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let checkup = with(&practice, &practice.checkup, TEN);
        book(&fresh.store, &practice, &checkup, &practice.contact.id).await.unwrap();
        // It ends at 10:30; ten minutes after it and five before the vaccination make 10:45 the first that fits.
        let vaccination = |minutes| with(&practice, &practice.vaccination, minutes);
        for minutes in [TEN + 15, TEN + 30] {
            let late = book(&fresh.store, &practice, &vaccination(minutes), &practice.contact.id).await;
            assert!(matches!(late, Err(Error::Taken)), "{minutes}: {late:?}");
        }
        book(&fresh.store, &practice, &vaccination(TEN + 45), &practice.contact.id).await.unwrap();
        // Before it, only the vaccination's own end matters: nothing is kept free before a check-up.
        book(&fresh.store, &practice, &vaccination(TEN - 15), &practice.contact.id).await.unwrap();
    }

    async fn a_hold_keeps_its_time_until_it_lapses(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (one, two) = (practice.call(&fresh.store, 1).await, practice.call(&fresh.store, 2).await);
        let wish = with(&practice, &practice.checkup, TEN);
        let held = hold(&fresh.store, &practice, Some(&one), &wish, at(0)).await.unwrap();
        assert_eq!((held.status, held.expires), (AppointmentStatus::Held, Some(at(HOLD_MINUTES))));
        let almost = Timestamp(at(HOLD_MINUTES).0 - 1);
        let late = hold(&fresh.store, &practice, Some(&two), &wish, almost).await;
        assert!(matches!(late, Err(Error::Taken)), "{late:?}");
        let range = TimeRange { start: at(0), end: at(600) };
        let busy = bookings::busy(&fresh.store, &practice.tenant.id, range, almost).await.unwrap();
        assert_eq!(busy.len(), 1);
        hold(&fresh.store, &practice, Some(&two), &wish, at(HOLD_MINUTES)).await.unwrap();
        let contact = &practice.contact.id;
        let asker = asker(&practice, Some(&one), None);
        let late = bookings::confirm(&fresh.store, &asker, at(6), &held.id, contact, "").await;
        assert!(matches!(late, Err(Error::NotFound("hold"))), "{late:?}");
        let late = bookings::book(&fresh.store, &asker, at(6), &wish, contact, "", Some(&held.id)).await;
        assert!(matches!(late, Err(Error::Taken)), "{late:?}");
    }

    async fn what_is_held_is_promised_as_it_was_held(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let anybody = Wish { resource: None, ..with(&practice, &practice.checkup, TEN) };
        let held = hold(&fresh.store, &practice, Some(&call), &anybody, at(0)).await.unwrap();
        let asker = asker(&practice, Some(&call), None);
        let contact = &practice.contact.id;
        let kept = bookings::confirm(&fresh.store, &asker, at(1), &held.id, contact, "Knie").await.unwrap();
        assert_eq!(kept, Appointment {
            contact: Some(contact.clone()),
            status: AppointmentStatus::Confirmed,
            expires: None,
            note: "Knie".to_owned(),
            ..held
        });
        let upcoming = bookings::upcoming(&fresh.store, &practice.tenant.id, contact, at(2)).await.unwrap();
        assert_eq!(upcoming, [kept]);
    }

    async fn what_was_held_in_time_is_promised_though_the_notice_has_passed(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let wish = with(&practice, &practice.checkup, 60);
        let held = hold(&fresh.store, &practice, Some(&call), &wish, at(0)).await.unwrap();
        let (by, contact) = (asker(&practice, Some(&call), None), &practice.contact.id);
        let late = with(&practice, &practice.vaccination, 60);
        let late = bookings::book(&fresh.store, &by, at(1), &late, contact, "", Some(&held.id)).await;
        assert!(matches!(late, Err(Error::Refused(Refusal::Notice))), "a hold keeps only its own time");
        bookings::book(&fresh.store, &by, at(1), &wish, contact, "", Some(&held.id)).await.unwrap();
    }

    async fn a_hold_that_lapsed_is_no_obstacle_while_nobody_else_came(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let wish = with(&practice, &practice.checkup, TEN);
        let held = hold(&fresh.store, &practice, Some(&call), &wish, at(0)).await.unwrap();
        let asker = asker(&practice, Some(&call), None);
        let contact = &practice.contact.id;
        let kept = bookings::confirm(&fresh.store, &asker, at(30), &held.id, contact, "").await.unwrap();
        assert_eq!((kept.time, kept.status), (held.time, AppointmentStatus::Confirmed));
    }

    async fn a_call_holds_one_time_and_only_its_own(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (one, two) = (practice.call(&fresh.store, 1).await, practice.call(&fresh.store, 2).await);
        let wish = |minutes| with(&practice, &practice.checkup, minutes);
        let first = hold(&fresh.store, &practice, Some(&one), &wish(TEN), at(0)).await.unwrap();
        // A quarter of an hour later overlaps with what the same call held, which is given back for it.
        hold(&fresh.store, &practice, Some(&one), &wish(TEN + 15), at(1)).await.unwrap();
        assert_eq!(standing(&fresh.store, &practice).await.len(), 1);
        // What cannot be had costs nothing.
        assert!(hold(&fresh.store, &practice, Some(&one), &wish(1), at(1)).await.is_err());
        let held = standing(&fresh.store, &practice).await;
        assert_eq!(held.len(), 1);
        assert_ne!(held[0].id, first.id);
        // Another call can neither promise nor give back what this one holds.
        let stranger = asker(&practice, Some(&two), None);
        bookings::release(&fresh.store, &stranger, &held[0].id).await.unwrap();
        let contact = &practice.contact.id;
        let stolen = bookings::confirm(&fresh.store, &stranger, at(1), &held[0].id, contact, "").await;
        assert!(matches!(stolen, Err(Error::Taken)), "{stolen:?}");
        assert_eq!(standing(&fresh.store, &practice).await, held);
        let owner = asker(&practice, Some(&one), None);
        bookings::release(&fresh.store, &owner, &held[0].id).await.unwrap();
        bookings::release(&fresh.store, &owner, &held[0].id).await.unwrap();
        assert_eq!(standing(&fresh.store, &practice).await, []);
    }

    async fn a_move_stands_at_the_old_time_or_at_the_new_one(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let contact = &practice.contact.id;
        let wish = |minutes| with(&practice, &practice.checkup, minutes);
        let mine = book(&fresh.store, &practice, &wish(TEN), contact).await.unwrap();
        let other = practice.caller(&fresh.store, "other").await;
        book(&fresh.store, &practice, &wish(TEN + 60), &other).await.unwrap();
        let asker = asker(&practice, None, None);
        let to = async |minutes, now| {
            bookings::move_to(&fresh.store, &asker, now, &mine.id, Some(contact), &wish(minutes), None).await
        };
        assert!(matches!(to(TEN + 60, at(0)).await, Err(Error::Taken)));
        assert!(matches!(to(1, at(0)).await, Err(Error::Refused(Refusal::Notice))));
        assert_eq!(standing(&fresh.store, &practice).await[0], mine, "a move that fails moves nothing");
        // A quarter of an hour later overlaps only with itself.
        let moved = to(TEN + 15, at(0)).await.unwrap();
        assert_eq!((&moved.id, moved.time.start), (&mine.id, at(TEN + 15)));
        assert_eq!(standing(&fresh.store, &practice).await.len(), 2);
        let theirs = bookings::move_to(&fresh.store, &asker, at(0), &mine.id, Some(&other), &wish(TEN), None).await;
        assert!(matches!(theirs, Err(Error::NotFound("appointment"))), "another's appointment does not exist");
        // Two hours before it is the last moment: at 8:15.
        assert!(to(240 + 60, at(15)).await.is_ok());
        assert!(matches!(to(TEN, at(240 + 60 - 119)).await, Err(Error::TooLate)));
    }

    async fn a_move_takes_the_time_that_was_held_for_it(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (call, contact) = (practice.call(&fresh.store, 1).await, &practice.contact.id);
        let wish = |minutes| Wish { resource: None, ..with(&practice, &practice.checkup, minutes) };
        let mine = book(&fresh.store, &practice, &wish(TEN + 15), contact).await.unwrap();
        let held = hold(&fresh.store, &practice, Some(&call), &wish(TEN + 60), at(0)).await.unwrap();
        let asker = asker(&practice, Some(&call), None);
        let hold = Some(&held.id);
        let moved =
            bookings::move_to(&fresh.store, &asker, at(1), &mine.id, Some(contact), &wish(TEN + 60), hold).await;
        assert_eq!(moved.unwrap().resource, held.resource);
        assert_eq!(standing(&fresh.store, &practice).await.len(), 1, "the hold has become the appointment");
    }

    async fn what_is_given_back_can_be_had_again(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let contact = &practice.contact.id;
        let wish = with(&practice, &practice.checkup, TEN);
        let mine = book(&fresh.store, &practice, &wish, contact).await.unwrap();
        let other = practice.caller(&fresh.store, "other").await;
        let asker = asker(&practice, None, None);
        let cancel = async |of: &ContactId, now| {
            bookings::cancel(&fresh.store, &asker, now, &mine.id, Some(of)).await
        };
        assert!(matches!(cancel(&other, at(0)).await, Err(Error::NotFound("appointment"))));
        assert!(matches!(cancel(contact, at(1)).await, Err(Error::TooLate)), "two hours before is at eight");
        assert_eq!(cancel(contact, at(0)).await.unwrap().status, AppointmentStatus::Cancelled);
        assert!(matches!(cancel(contact, at(0)).await, Err(Error::NotFound("appointment"))));
        let again = bookings::upcoming(&fresh.store, &practice.tenant.id, contact, at(0)).await.unwrap();
        assert_eq!(again, []);
        book(&fresh.store, &practice, &wish, &other).await.unwrap();
    }

    async fn a_request_that_comes_again_gets_its_first_answer(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (call, contact) = (practice.call(&fresh.store, 1).await, practice.contact.id.clone());
        let wish = with(&practice, &practice.checkup, TEN);
        let by = |key: &str| asker(&practice, Some(&call), Some(key));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (store, by, wish, contact) = (fresh.store.clone(), by("one"), wish.clone(), contact.clone());
            tasks.spawn(async move {
                bookings::book(&store, &by, at(0), &wish, &contact, "", None).await.unwrap()
            });
        }
        let booked = tasks.join_all().await;
        assert!(booked.iter().all(|answer| *answer == booked[0]), "eight at once are one");
        assert_eq!(standing(&fresh.store, &practice).await.len(), 1);

        let elsewhere = with(&practice, &practice.checkup, TEN + 60);
        let other = bookings::book(&fresh.store, &by("one"), at(0), &elsewhere, &contact, "", None).await;
        assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
        let id = &booked[0].id;
        let later = bookings::move_to(&fresh.store, &by("two"), at(0), id, Some(&contact), &elsewhere, None).await;
        let again = bookings::move_to(&fresh.store, &by("two"), at(0), id, Some(&contact), &elsewhere, None).await;
        assert_eq!(later.unwrap(), again.unwrap());
        let gone = bookings::cancel(&fresh.store, &by("three"), at(0), id, Some(&contact)).await;
        let again = bookings::cancel(&fresh.store, &by("three"), at(0), id, Some(&contact)).await;
        assert_eq!(gone.unwrap(), again.unwrap());
        // A hold that has lapsed since is no answer: the same request holds anew.
        let held = bookings::hold(&fresh.store, &by("four"), at(0), &wish).await.unwrap();
        let again = bookings::hold(&fresh.store, &by("four"), at(1), &wish).await.unwrap();
        assert_eq!(held, again);
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        tx.appointments().clear_lapsed(at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let anew = bookings::hold(&fresh.store, &by("four"), at(10), &wish).await.unwrap();
        assert_eq!(anew.expires, Some(at(10 + HOLD_MINUTES)));
    }

    async fn a_database_that_is_away_promises_nothing(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let wish = with(&practice, &practice.checkup, TEN);
        fresh.store.close().await;
        let refused = book(&fresh.store, &practice, &wish, &practice.contact.id).await;
        assert!(matches!(refused, Err(Error::Unavailable("the database", _))), "{refused:?}");
    }
}

/// Something a caller does. Times are the eight quarters of an hour from nine on; what is referred to is the nth of
/// what stands.
#[derive(Clone, Debug)]
enum Deed {
    Wait(i64),
    Hold { caller: usize, quarter: i64 },
    Book { caller: usize, quarter: i64 },
    Confirm { caller: usize },
    Move { nth: usize, quarter: i64 },
    Cancel { nth: usize },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (caller, quarter, nth) = (0..3usize, 0..8i64, 0..4usize);
    let deed = prop_oneof![
        1 => (1..4i64).prop_map(Deed::Wait),
        3 => (caller.clone(), quarter.clone()).prop_map(|(caller, quarter)| Deed::Hold { caller, quarter }),
        2 => (caller.clone(), quarter.clone()).prop_map(|(caller, quarter)| Deed::Book { caller, quarter }),
        2 => caller.prop_map(|caller| Deed::Confirm { caller }),
        2 => (nth.clone(), quarter).prop_map(|(nth, quarter)| Deed::Move { nth, quarter }),
        1 => nth.prop_map(|nth| Deed::Cancel { nth }),
    ];
    proptest::collection::vec(deed, 1..25)
}

/// What the ledger should hold: minutes blocked, and until when a hold counts.
#[derive(Clone, Debug, Default)]
struct Model {
    confirmed: Vec<(String, i64)>,
    held: [Option<(i64, i64)>; 3],
}

/// What a check-up blocks, in minutes.
const BLOCKED: i64 = 40;

impl Model {
    fn free(&self, start: i64, now: i64, but_caller: Option<usize>, but: Option<&str>) -> bool {
        let apart = |other: i64| other + BLOCKED <= start || start + BLOCKED <= other;
        let holds = self.held.iter().enumerate().filter(|(caller, _)| Some(*caller) != but_caller);
        holds.filter_map(|(_, hold)| *hold).filter(|(_, until)| now < *until).all(|(start, _)| apart(start))
            && self
                .confirmed
                .iter()
                .filter(|(id, _)| Some(id.as_str()) != but)
                .all(|(_, start)| apart(*start))
    }
}

/// Does the deeds one after the other and compares every answer with the model's.
async fn does_as_the_model(store: &Store, name: &str, deeds: &[Deed]) {
    let practice = Practice::open(store, name).await;
    let mut calls = Vec::new();
    for n in 0..3 {
        let mut new = practice.new_call(n);
        new.sid =
            format!("CA{:032x}", u64::from(n) + 100 * name[1..].parse::<u64>().unwrap()).parse().unwrap();
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.calls().ring(&new, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        calls.push(new.id);
    }
    let contact = &practice.contact.id;
    let (mut model, mut now) = (Model::default(), -240);
    let mut holds: [Option<Appointment>; 3] = Default::default();
    for deed in deeds {
        let by = |caller: usize| asker(&practice, Some(&calls[caller]), None);
        let start = |quarter: i64| 60 + 15 * quarter;
        let wish = |quarter| with(&practice, &practice.checkup, start(quarter));
        match deed.clone() {
            Deed::Wait(minutes) => now += minutes,
            Deed::Hold { caller, quarter } => {
                let free = model.free(start(quarter), now, Some(caller), None);
                let held = bookings::hold(store, &by(caller), at(now), &wish(quarter)).await;
                assert_eq!(held.is_ok(), free, "{deed:?} at {now}: {held:?}");
                if let Ok(held) = held {
                    model.held[caller] = Some((start(quarter), now + HOLD_MINUTES));
                    holds[caller] = Some(held);
                }
            }
            Deed::Book { caller, quarter } => {
                let free = model.free(start(quarter), now, None, None);
                let booked =
                    bookings::book(store, &by(caller), at(now), &wish(quarter), contact, "", None).await;
                assert_eq!(booked.is_ok(), free, "{deed:?} at {now}: {booked:?}");
                model.confirmed.extend(booked.ok().map(|it| (it.id.to_string(), start(quarter))));
            }
            Deed::Confirm { caller } => {
                let (Some(held), Some((start, _))) = (holds[caller].take(), model.held[caller].take()) else {
                    continue;
                };
                let free = model.free(start, now, None, None);
                let wish = with(&practice, &practice.checkup, start);
                let hold = Some(&held.id);
                let booked = bookings::book(store, &by(caller), at(now), &wish, contact, "", hold).await;
                assert_eq!(booked.is_ok(), free, "{deed:?} at {now}: {booked:?}");
                model.confirmed.extend(booked.ok().map(|it| (it.id.to_string(), start)));
            }
            Deed::Move { nth, quarter } => {
                let Some((id, was)) = model.confirmed.get(nth).cloned() else { continue };
                let free = model.free(start(quarter), now, None, Some(&id));
                let (by, to) = (asker(&practice, None, None), wish(quarter));
                let moved =
                    bookings::move_to(store, &by, at(now), &id.parse().unwrap(), Some(contact), &to, None)
                        .await;
                assert_eq!(moved.is_ok(), free, "{deed:?} at {now}, from {was}: {moved:?}");
                if moved.is_ok() {
                    model.confirmed[nth].1 = start(quarter);
                }
            }
            Deed::Cancel { nth } => {
                let Some((id, _)) = model.confirmed.get(nth).cloned() else { continue };
                let by = asker(&practice, None, None);
                bookings::cancel(store, &by, at(now), &id.parse().unwrap(), Some(contact)).await.unwrap();
                model.confirmed.remove(nth);
            }
        }
        let kept = standing(store, &practice).await;
        assert_apart(&kept);
        let confirmed = |it: &&Appointment| it.status == AppointmentStatus::Confirmed;
        let mut stored: Vec<_> =
            kept.iter().filter(confirmed).map(|it| (it.id.to_string(), it.time.start)).collect();
        let mut wanted: Vec<_> = model.confirmed.iter().map(|(id, start)| (id.clone(), at(*start))).collect();
        stored.sort();
        wanted.sort();
        assert_eq!(stored, wanted, "after {deed:?} at {now}");
    }
}

fn any_order_of_deeds(open: impl Future<Output = Fresh>, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (fresh, mut n) = (runtime.block_on(open), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&deeds(), |deeds| {
        n.set(n.get() + 1);
        runtime.block_on(does_as_the_model(&fresh.store, &format!("t{}", n.get()), &deeds));
        Ok(())
    });
    outcome.unwrap();
    assert!(*n.get_mut() >= cases);
}

#[test]
fn any_order_of_deeds_leaves_what_a_simple_model_leaves_on_sqlite() {
    any_order_of_deeds(on_sqlite(), 40);
}

#[test]
fn any_order_of_deeds_leaves_what_a_simple_model_leaves_on_postgres() {
    any_order_of_deeds(on_postgres(), 20);
}

/// The service with Ada, `minutes` after eight on Monday.
fn with(practice: &Practice, service: &Service, minutes: i64) -> Wish {
    Wish {
        service: service.id.clone(),
        start: at(minutes),
        resource: Some(practice.ada.id.clone()),
        seats: 1,
    }
}

fn asker(practice: &Practice, call: Option<&CallId>, key: Option<&str>) -> Asker {
    let (tenant, key) = (practice.tenant.id.clone(), key.map(str::to_owned));
    Asker { tenant, call: call.cloned(), key, staff: None }
}

fn monday(practice: &Practice) -> Search {
    Search {
        service: practice.checkup.id.clone(),
        from: date(2026, 3, 2),
        to: date(2026, 3, 2),
        resource: None,
        moving: None,
        count_max: 100,
    }
}

async fn hold(
    store: &Store,
    practice: &Practice,
    call: Option<&CallId>,
    wish: &Wish,
    now: Timestamp,
) -> Result<Appointment, Error> {
    bookings::hold(store, &asker(practice, call, None), now, wish).await
}

async fn book(
    store: &Store,
    practice: &Practice,
    wish: &Wish,
    contact: &ContactId,
) -> Result<Appointment, Error> {
    bookings::book(store, &asker(practice, None, None), at(0), wish, contact, "", None).await
}

/// Has many callers hold and then book at once; what each of them got.
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
    // Opening connections would let the first ones be done before the others have begun.
    let warm = (0..CONNECTIONS_MAX).map(|_| store.read(&practice.tenant.id));
    futures_util::future::try_join_all(warm).await.unwrap();
    let together = Arc::new(Barrier::new(calls.len()));
    let mut tasks = tokio::task::JoinSet::new();
    for (n, call) in (0..).zip(calls) {
        let (store, wish, contact) = (store.clone(), wish(n), practice.contact.id.clone());
        let (practice, together) = (practice.clone(), Arc::clone(&together));
        tasks.spawn(async move {
            let by = asker(&practice, Some(&call), None);
            together.wait().await;
            // Every other one holds first, as a caller does who is asked to confirm.
            let hold =
                if n % 2 == 0 { Some(bookings::hold(&store, &by, at(0), &wish).await?.id) } else { None };
            bookings::book(&store, &by, at(1), &wish, &contact, "", hold.as_ref()).await
        });
    }
    tasks.join_all().await
}

/// What stands on the practice's Monday, whether lapsed or not.
async fn standing(store: &Store, practice: &Practice) -> Vec<Appointment> {
    let day = TimeRange { start: at(0), end: at(24 * 60) };
    let mut tx = store.read(&practice.tenant.id).await.unwrap();
    tx.appointments().busy(day, Timestamp::MIN).await.unwrap()
}

/// That no two with the same resource are in each other's place.
fn assert_apart(standing: &[Appointment]) {
    for (n, one) in standing.iter().enumerate() {
        for other in &standing[n + 1..] {
            assert!(
                one.resource != other.resource || !one.blocked.overlaps(other.blocked),
                "{one:?} {other:?}"
            );
        }
    }
}
