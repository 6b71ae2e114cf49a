//! Campaigns: whom they call, how often, when they stop, and that two workers ring nobody twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use frontdesk::{
    app::{
        self,
        access::{Actor, Who},
        outgoing::{
            self,
            campaigns::{self, Named, Person, Shown, Wanted, plan_due},
            dialling::{Dialled, Dialler},
            news, opt_outs,
        },
    },
    domain::{
        campaign::{CampaignState, Entry, EntryState, Refusal, Retry},
        id::CampaignId,
        outgoing::{Ending, OptOutSource, Outgoing, OutgoingSettings, OutgoingState},
        time::Timestamp,
        webhook::{EventKind, Webhook},
    },
    telephony::rest::calls::Progress,
};
use jiff::civil::date;

use super::ground::{Ground, PERSON};
use crate::support::{
    databases::{Fresh, on_both},
    practice::at,
};

on_both! {
    async fn a_campaign_that_is_over_takes_nobody_in_whatever_key_is_shown(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let by = Actor::new(ground.practice.tenant.id.clone(), Who::System("test"));
        let wanted = wanted(&ground);
        let make = async |people: &[Person]| {
            campaigns::create(&fresh.store, &by, at(TEN), Some("key"), &wanted, people).await
        };
        let (shown, _) = make(&people(2)).await.unwrap();
        let id = shown.campaign.item.id;
        // While it lasts, more may join by the same key.
        assert_eq!(make(&people(3)).await.unwrap().1.iter().filter(|one| !one.before).count(), 1);
        campaigns::cancel(&fresh.store, &by, at(TEN), &id).await.unwrap();
        let (again, named) = make(&people(3)).await.unwrap();
        assert_eq!(again.campaign.item.id, id, "the same request has the same answer");
        assert!(named.iter().all(|one| one.before));
        let more = make(&people(4)).await;
        assert!(matches!(more, Err(app::Error::Conflict("that campaign is over"))));
        let page = campaigns::people(&fresh.store, &by, &id, None, None, 10).await.unwrap();
        assert_eq!(page.items.len(), 3);
        assert!(page.items.iter().all(|one| one.state != EntryState::Waiting), "nobody waits for ever");
    }
}

/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;
const DAY: i64 = 24 * 60;

/// A campaign of the practice's.
struct Run<'g> {
    ground: &'g Ground,
    by: Actor,
    id: CampaignId,
}

fn number(n: usize) -> String {
    format!("+49151224{n:05}")
}

fn people(count: usize) -> Vec<Person> {
    (0..count).map(|n| Person { number: Some(number(n)), ..Person::default() }).collect()
}

fn wanted(ground: &Ground) -> Wanted {
    Wanted {
        name: "Neue Karten".to_owned(),
        assistant: ground.practice.assistant.id.clone(),
        number: None,
        language: None,
        purpose: "Fragen, ob die neue Karte da ist.".to_owned(),
        first_day: None,
        // Friday of that week.
        last_day: date(2026, 3, 6),
        from_min: None,
        until_min: None,
        retry: Retry { attempts_max: 2, after_min: 60, endings: vec![Ending::NoAnswer, Ending::Busy] },
        at_once_max: 3,
        starts: None,
    }
}

impl<'g> Run<'g> {
    /// Made and begun on Monday at ten.
    async fn begun(ground: &'g Ground, wanted: &Wanted, people: &[Person]) -> Self {
        let run = Self::made(ground, wanted, people).await.0;
        run.resume(at(TEN)).await.unwrap();
        run
    }

    async fn made(ground: &'g Ground, wanted: &Wanted, people: &[Person]) -> (Self, Vec<Named>) {
        let by = Actor::new(ground.practice.tenant.id.clone(), Who::System("test"));
        let made = campaigns::create(&ground.store, &by, at(TEN), None, wanted, people).await;
        let (shown, named) = made.unwrap();
        (Self { ground, by, id: shown.campaign.item.id }, named)
    }

    async fn resume(&self, now: Timestamp) -> Result<Shown, app::Error> {
        campaigns::resume(&self.ground.store, &self.by, now, &self.id).await
    }

    async fn shown(&self) -> Shown {
        campaigns::get(&self.ground.store, &self.by, &self.id).await.unwrap()
    }

    async fn state(&self) -> CampaignState {
        self.shown().await.campaign.item.state
    }

    async fn people(&self) -> Vec<Entry> {
        let page = campaigns::people(&self.ground.store, &self.by, &self.id, None, None, 200).await;
        page.unwrap().items
    }

    async fn attempts(&self) -> Vec<Outgoing> {
        let mut tx = self.ground.store.read(&self.ground.practice.tenant.id).await.unwrap();
        tx.outgoing().page(None, None, 200).await.unwrap().items
    }

    /// Plans, and dials whatever is due then.
    async fn look(&self, now: Timestamp) {
        self.ground.exchange.set_time(now);
        plan_due(&self.ground.store, now, 10).await.unwrap();
        while self.ground.dial(now).await == Dialled::Something {}
    }

    /// Looks every second for so many.
    async fn watch(&self, from: Timestamp, seconds: i64) {
        for second in 0..seconds {
            self.look(from.plus_millis(second * 1_000)).await;
        }
    }

    /// Twilio tells what became of each call that is out.
    async fn told(&self, progress: Progress, now: Timestamp) {
        for one in self.attempts().await {
            if let (OutgoingState::Placed, Some(sid)) = (one.state, &one.sid) {
                let tenant = &self.ground.practice.tenant.id;
                news::told(&self.ground.store, tenant, &one.id, sid, progress, now).await.unwrap();
            }
        }
    }
}

on_both! {
    async fn a_campaign_calls_its_people_a_few_at_a_time_and_ends_by_itself(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let run = Run::begun(&ground, &wanted(&ground), &people(12)).await;
        run.watch(at(TEN), 10).await;
        assert_eq!(ground.exchange.placed().len(), 3, "as many at once as it may");
        let planned = run.attempts().await.len();
        assert!(planned < 12, "{planned} of 12 attempts are written down ahead");
        let progress = run.shown().await.progress;
        assert_eq!((progress.all(), progress.done()), (12, 0));
        for round in 1..10 {
            let now = at(TEN + 2 * round);
            run.told(Progress::Completed, now).await;
            run.watch(now, 10).await;
        }
        let shown = run.shown().await;
        assert_eq!(shown.campaign.item.state, CampaignState::Ended);
        assert_eq!((shown.progress.reached, shown.progress.done()), (12, 12));
        let rung: BTreeSet<String> =
            ground.exchange.placed().iter().map(|call| call.asked("To").to_owned()).collect();
        assert_eq!((ground.exchange.placed().len(), rung.len()), (12, 12));
        assert!(run.people().await.iter().all(|one| one.call.is_some()));
    }

    async fn who_was_not_reached_is_tried_again_as_often_as_is_wanted_and_only_after_what_is(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let run = Run::begun(&ground, &wanted(&ground), &people(2)).await;
        run.watch(at(TEN), 4).await;
        let calls = run.attempts().await;
        let of = |n: usize| calls.iter().find(|one| one.to.as_str() == number(n)).unwrap();
        for (one, progress) in [(of(0), Progress::NoAnswer), (of(1), Progress::Failed)] {
            let sid = one.sid.as_ref().unwrap();
            let tenant = &ground.practice.tenant.id;
            news::told(&ground.store, tenant, &one.id, sid, progress, at(TEN + 1)).await.unwrap();
        }
        let standing = run.people().await;
        assert_eq!((standing[0].state, standing[1].state), (EntryState::Waiting, EntryState::Done));
        run.watch(at(TEN + 30), 2).await;
        assert_eq!(ground.exchange.placed().len(), 2, "not before its time");
        run.watch(at(TEN + 70), 2).await;
        assert_eq!(ground.exchange.placed().len(), 2, "nor twice on one day");
        run.watch(at(DAY + TEN), 2).await;
        assert_eq!(ground.exchange.placed().len(), 3);
        run.told(Progress::NoAnswer, at(DAY + TEN + 1)).await;
        run.watch(at(2 * DAY + TEN), 2).await;
        assert_eq!(ground.exchange.placed().len(), 3, "twice is what was wanted");
        let shown = run.shown().await;
        assert_eq!((shown.campaign.item.state, shown.progress.not_reached), (CampaignState::Ended, 2));
    }

    async fn everybody_who_cannot_be_called_is_told_with_the_reason_and_nobody_is_there_twice(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let store = &ground.store;
        let mut tx = store.begin(&ground.practice.tenant.id).await.unwrap();
        let wish = "+4915122400007".parse().unwrap();
        opt_outs::note(&mut tx, &wish, OptOutSource::Staff, None, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let own = ground.practice.number.number.to_string();
        let given = [
            "0151 22400001", "112", "11833", "+49 900 1234567", "+881 6 12345678", "+1 212 555 0123", "nonsense",
            &own, "+43 1 5336460", "+4915122400007", "+49 151 22400001", "nonsense",
        ];
        let named: Vec<Person> =
            given.iter().map(|text| Person { number: Some((*text).to_owned()), ..Person::default() }).collect();
        let (run, told) = Run::made(&ground, &wanted(&ground), &named).await;
        let reasons: Vec<&str> = told.iter().map(|one| one.entry.refused.map_or("", Refusal::as_str)).collect();
        assert_eq!(reasons, [
            "", "emergency", "short", "premium", "satellite", "country", "not_a_number", "answered_here", "country",
            "opted_out", "", "not_a_number",
        ]);
        let before: Vec<usize> = (0..told.len()).filter(|at| told[*at].before).collect();
        assert_eq!(before, [10, 11], "the same person once, however the number is written");
        assert_eq!(told[0].entry.id, told[10].entry.id);
        let progress = run.shown().await.progress;
        assert_eq!((progress.all(), progress.waiting, progress.opted_out), (10, 1, 1));
        assert_eq!(progress.refused.values().sum::<u64>(), 8);
        run.resume(at(TEN)).await.unwrap();
        run.watch(at(TEN), 5).await;
        assert_eq!(ground.exchange.placed().len(), 1);
    }

    async fn a_campaign_that_is_paused_in_the_middle_dials_nobody_more_until_it_goes_on(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let run = Run::begun(&ground, &wanted(&ground), &people(9)).await;
        run.watch(at(TEN), 2).await;
        assert_eq!(ground.exchange.placed().len(), 2);
        campaigns::pause(&ground.store, &run.by, at(TEN + 1), &run.id).await.unwrap();
        run.told(Progress::Completed, at(TEN + 1)).await;
        run.watch(at(TEN + 2), 10).await;
        assert_eq!(ground.exchange.placed().len(), 2, "not even those that were written down");
        assert_eq!(run.shown().await.progress.reached, 2, "what was out counts");
        run.resume(at(TEN + 10)).await.unwrap();
        for round in 0..6 {
            run.watch(at(TEN + 10 + round * 2), 6).await;
            run.told(Progress::Completed, at(TEN + 11 + round * 2)).await;
        }
        assert_eq!(ground.exchange.placed().len(), 9);
        run.watch(at(TEN + 30), 1).await;
        assert_eq!(run.state().await, CampaignState::Ended);
        assert!(run.resume(at(TEN + 31)).await.is_err(), "what is over is over");
    }

    async fn a_campaign_that_is_cancelled_drops_whoever_waits(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let run = Run::begun(&ground, &wanted(&ground), &people(9)).await;
        run.watch(at(TEN), 2).await;
        let webhook = Webhook {
            id: "whk_1".parse().unwrap(),
            url: "https://example.com/told".to_owned(),
            description: String::new(),
            kinds: [EventKind::CampaignEnded].into(),
            active: true,
        };
        let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
        tx.webhooks().add(&webhook, b"sealed under no key", at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let cancelled = campaigns::cancel(&ground.store, &run.by, at(TEN + 1), &run.id).await.unwrap();
        assert_eq!(cancelled.progress.cancelled, 7);
        run.told(Progress::Completed, at(TEN + 1)).await;
        run.watch(at(TEN + 2), 5).await;
        assert_eq!(ground.exchange.placed().len(), 2);
        let progress = run.shown().await.progress;
        assert_eq!((progress.reached, progress.cancelled, progress.done()), (2, 7, 9));
        let mut tx = ground.store.read(&ground.practice.tenant.id).await.unwrap();
        let told = tx.deliveries().page(&webhook.id, None, None, 10).await.unwrap().items;
        drop(tx);
        assert_eq!(told.len(), 1, "its end is told once");
        assert!(told[0].payload.contains("\"state\":\"cancelled\""), "{}", told[0].payload);
        assert!(campaigns::add_people(&ground.store, &run.by, at(TEN + 3), &run.id, &people(1)).await.is_err());
    }

    async fn who_says_stop_in_the_meantime_is_called_by_no_campaign(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let run = Run::begun(&ground, &Wanted { at_once_max: 1, ..wanted(&ground) }, &people(4)).await;
        run.look(at(TEN)).await;
        // Two of those who are not being called just then.
        let out = ground.exchange.placed()[0].asked("To").to_owned();
        let others: Vec<String> = (0..4).map(number).filter(|number| *number != out).take(2).collect();
        let mut tx = ground.store.begin(&ground.practice.tenant.id).await.unwrap();
        for person in others {
            let person = person.parse().unwrap();
            opt_outs::note(&mut tx, &person, OptOutSource::Voice, None, at(TEN)).await.unwrap();
        }
        tx.commit().await.unwrap();
        for round in 1..5 {
            run.told(Progress::Completed, at(TEN + 2 * round)).await;
            run.watch(at(TEN + 2 * round), 4).await;
        }
        let shown = run.shown().await;
        assert_eq!((shown.progress.reached, shown.progress.opted_out), (2, 2));
        assert_eq!(shown.campaign.item.state, CampaignState::Ended);
        assert_eq!(ground.exchange.placed().len(), 2);
    }

    async fn outside_its_days_and_hours_a_campaign_calls_nobody_and_ends_when_they_are_over(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let narrow = Wanted {
            first_day: Some(date(2026, 3, 3)),
            last_day: date(2026, 3, 3),
            from_min: Some(11 * 60),
            until_min: Some(12 * 60),
            at_once_max: 1,
            ..wanted(&ground)
        };
        let run = Run::begun(&ground, &narrow, &people(3)).await;
        run.watch(at(TEN), 3).await;
        run.look(at(DAY + TEN + 59)).await;
        assert_eq!((ground.exchange.placed().len(), run.attempts().await.len()), (0, 0));
        run.look(at(DAY + TEN + 60)).await;
        assert_eq!(ground.exchange.placed().len(), 1, "on Tuesday from eleven on");
        run.look(at(DAY + TEN + 120)).await;
        run.told(Progress::Completed, at(DAY + TEN + 121)).await;
        run.look(at(DAY + TEN + 122)).await;
        assert_eq!(ground.exchange.placed().len(), 1, "at twelve it is over");
        let shown = run.shown().await;
        assert_eq!(shown.campaign.item.state, CampaignState::Ended);
        assert_eq!((shown.progress.reached, shown.progress.not_reached), (1, 2));
    }

    async fn the_same_request_makes_one_campaign_and_one_attempt_can_be_taken_back(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        let by = Actor::new(ground.practice.tenant.id.clone(), Who::System("test"));
        let mut made = vec![];
        for _ in 0..2 {
            let (shown, told) =
                campaigns::create(&ground.store, &by, at(TEN), Some("one"), &wanted(&ground), &people(2)).await.unwrap();
            assert_eq!(shown.progress.all(), 2);
            made.push((shown.campaign.item.id, told.iter().filter(|one| one.before).count()));
        }
        assert_eq!(made[0].0, made[1].0);
        assert_eq!((made[0].1, made[1].1), (0, 2));
        let run = Run { ground: &ground, by, id: made[0].0.clone() };
        run.resume(at(TEN)).await.unwrap();
        plan_due(&ground.store, at(TEN), 10).await.unwrap();
        let first = run.people().await[0].outgoing.clone().unwrap();
        outgoing::cancel(&ground.store, &run.by, at(TEN), &first).await.unwrap();
        run.watch(at(TEN), 3).await;
        assert_eq!(ground.exchange.placed().len(), 1);
        assert_eq!(run.people().await[0].ended, Some(Ending::Cancelled));
    }

    async fn nobody_is_called_by_a_campaign_before_somebody_has_said_where_consent_comes_from(fresh: Fresh) {
        let ground = Ground::open(&fresh.store).await;
        ground.allow(&OutgoingSettings::default()).await;
        let (run, _) = Run::made(&ground, &wanted(&ground), &people(1)).await;
        assert!(matches!(run.resume(at(TEN)).await, Err(app::Error::Conflict(_))));
        run.watch(at(TEN), 2).await;
        assert_eq!(ground.exchange.placed().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_that_race_and_pauses_in_the_middle_ring_nobody_twice() {
    racing(crate::support::databases::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_that_race_and_pauses_in_the_middle_ring_nobody_twice_on_postgres() {
    racing(crate::support::databases::on_postgres().await).await;
}

async fn racing(fresh: Fresh) {
    const COUNT: usize = 40;
    let ground = Ground::open(&fresh.store).await;
    let once = Retry { attempts_max: 1, after_min: 60, endings: vec![] };
    let wanted = Wanted { retry: once, at_once_max: 4, ..wanted(&ground) };
    let run = Run::begun(&ground, &wanted, &people(COUNT)).await;
    let tenant = ground.practice.tenant.id.clone();
    let dialler = Arc::new(ground.dialler.clone());
    let (mut now, mut dialled_while_paused) = (at(TEN), 0);
    for moment in 0..(COUNT * 4) {
        now = now.plus_millis(1_000);
        ground.exchange.set_time(now);
        let worker = |dialler: Arc<Dialler>| {
            let (tenant, store) = (tenant.clone(), ground.store.clone());
            async move {
                plan_due(&store, now, 10).await.unwrap();
                while dialler.dial_next(&tenant, now).await.unwrap() == Dialled::Something {}
            }
        };
        match moment % 10 {
            // Paused while two plan and dial.
            5 => {
                let pause = campaigns::pause(&ground.store, &run.by, now, &run.id);
                let (paused, (), ()) = tokio::join!(pause, worker(dialler.clone()), worker(dialler.clone()));
                drop(paused);
            }
            6 => {
                let before = ground.exchange.placed().len();
                tokio::join!(worker(dialler.clone()), worker(dialler.clone()));
                if run.state().await == CampaignState::Paused {
                    dialled_while_paused += ground.exchange.placed().len() - before;
                }
            }
            7 => drop(run.resume(now).await),
            _ => {
                tokio::join!(worker(dialler.clone()), worker(dialler.clone()));
            }
        }
        if moment % 3 == 0 {
            run.told(Progress::Completed, now).await;
        }
    }
    run.told(Progress::Completed, now).await;
    run.look(now.plus_minutes(3)).await;
    let mut rung = BTreeMap::new();
    for call in ground.exchange.placed() {
        *rung.entry(call.asked("To").to_owned()).or_insert(0) += 1;
    }
    assert!(rung.values().all(|count| *count == 1), "somebody was rung twice: {rung:?}");
    assert_eq!((rung.len(), dialled_while_paused), (COUNT, 0));
    assert!(!rung.contains_key(PERSON));
    assert_eq!(ground.faults.all(), [""; 0]);
}
