//! What happens is told to those a tenant names: signed, once it is true, again until it is taken, and nobody waits for
//! anybody else.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use frontdesk::{
    app::{
        self,
        access::{Actor, Who},
        bookings::{self, Asker, Wish},
        calls::{self, Finished},
        keys::Keys,
        outgoing::opt_outs,
        webhooks::{Event, FORMER_SECRET_MINUTES, WEBHOOKS_MAX, Webhooks, signature, tell},
    },
    boot,
    domain::{
        conversation::Outcome,
        id::WebhookId,
        outgoing::OptOutSource,
        time::Timestamp,
        webhook::{
            ATTEMPTS_MAX, Delivery, DeliveryState, EventKind, JITTER_SHARE, RETRY_SECONDS, Webhook, rest,
            retry_after,
        },
    },
    jobs::{Handler, Runner},
    platform::{
        clock::Clock,
        egress::{Egress, Settings},
        tasks::Tasks,
    },
    sim::receiver::{Got, Mood, Receiver},
    store::{Lane, Message, Store, Work},
};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{
    databases::{Fresh, on_both},
    house,
    practice::{MONDAY_8, Practice, at},
};

/// Nothing here takes longer, whatever the machine is busy with.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_signature_is_that_of_the_standards_own_example() {
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
    let signed = signature::sign(&secret, id, 1_614_265_330, body);
    assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_eq!(signature::sign(&"MfKQ9r8G".into(), id, 1, body), None, "a secret says what it is");
}

#[test]
fn a_delivery_is_tried_for_about_a_day_further_and_further_apart() {
    let day = 24 * 3_600;
    let waits: u32 = RETRY_SECONDS.iter().sum();
    assert!((day * 9 / 10..=day * 12 / 10).contains(&waits), "{waits} seconds");
    for (at, seconds) in RETRY_SECONDS.into_iter().enumerate() {
        let attempts = u32::try_from(at).unwrap() + 1;
        let least = Duration::from_secs(seconds.into());
        assert_eq!(retry_after(attempts, 0.0), Some(least));
        assert_eq!(retry_after(attempts, 1.0), Some(least.mul_f64(1.0 + JITTER_SHARE)));
        assert!(at == 0 || RETRY_SECONDS[at - 1] <= seconds);
    }
    assert_eq!((retry_after(0, 0.5), retry_after(ATTEMPTS_MAX, 0.5)), (None, None));
    let rests = [0, 60, 3_600, 100_000].map(|failing| rest(Duration::from_secs(failing)).as_secs());
    assert_eq!(rests, [5, 15, 300, 300], "the longer it fails, the longer it is left alone");
}

on_both! {
    async fn what_becomes_of_calls_appointments_and_messages_is_told_and_signed(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(at(10))).await;
        let webhook = desk.webhook("/taken", &ALL).await;
        desk.run();
        let (store, practice, tenant) = (&fresh.store, &desk.practice, &desk.practice.tenant.id);
        let call = practice.call(store, 1).await;
        for _ in 0..2 {
            calls::answered(store, tenant, &call, at(1)).await.unwrap();
        }
        let by = Asker { tenant: tenant.clone(), call: Some(call.clone()), key: None, staff: None };
        let wish = |minutes| Wish {
            service: practice.checkup.id.clone(), start: at(minutes), resource: Some(practice.ada.id.clone()), seats: 1,
        };
        let contact = &practice.contact.id;
        let booked = bookings::book(store, &by, at(1), &wish(180), contact, "knee", None).await.unwrap();
        bookings::move_to(store, &by, at(2), &booked.id, None, &wish(360), None).await.unwrap();
        bookings::cancel(store, &by, at(3), &booked.id, None).await.unwrap();
        let message = Message {
            id: "msg_1".parse().unwrap(), call: Some(call.clone()), name: "Frau Ohnesorg".to_owned(),
            number: practice.contact.number.clone(), text: "ring me back".to_owned(), left: at(3), handled: None,
            spoken: None,
            work: Default::default(),
        };
        let mut tx = store.begin(tenant).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tell(&mut tx, at(3), Event::MessageTaken(&message)).await.unwrap();
        let number = practice.contact.number.as_ref().unwrap();
        for _ in 0..2 {
            opt_outs::note(&mut tx, number, OptOutSource::Key, Some(&call), at(3)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let ended = Finished::without_words(Outcome::CallerLeft, at(4));
        for _ in 0..2 {
            calls::finished(store, tenant, &call, &ended).await.unwrap();
        }
        let got = desk.got("/taken", 7).await;
        let mut kinds: Vec<&str> = got.iter().map(|got| got.body["type"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [
            "appointment.booked", "appointment.cancelled", "appointment.moved", "call.ended", "call.started",
            "message.taken", "opt_out.added",
        ]);
        assert!(got.iter().all(|got| got.signed_by == [0] && got.signatures == 1 && got.body["tenant"] == tenant.as_str()));
        let ids: BTreeSet<&str> = got.iter().map(|got| got.id.as_str()).collect();
        assert_eq!(ids.len(), 7, "each has an id of its own");
        let of = |kind: &str| got.iter().find(|got| got.body["type"] == kind).unwrap().body["data"].clone();
        let moved = of("appointment.moved");
        assert_eq!(moved["appointment"], booked.id.as_str());
        assert_eq!((&moved["service_key"], &moved["by"]), (&"checkup".into(), &call.as_str().into()));
        assert_eq!(moved["previous_start"], at(180).to_string());
        assert_eq!(moved["start"], at(360).to_string());
        assert_eq!(of("appointment.booked").get("previous_start"), None);
        assert_eq!(of("appointment.cancelled")["status"], "cancelled");
        assert_eq!((&of("call.ended")["outcome"], &of("call.ended")["call"]), (&"caller_left".into(), &call.as_str().into()));
        let said = serde_json::to_string(&got.iter().map(|got| &got.body).collect::<Vec<_>>()).unwrap();
        for word in ["knee", "Ohnesorg", "ring me", practice.contact.number.as_ref().unwrap().as_str(), &practice.contact.name] {
            assert!(!said.contains(word), "{word} is nobody else's");
        }
        desk.leave().await;
        assert_eq!(desk.receiver.faults.all(), Vec::<String>::new());
        assert!(desk.deliveries(&webhook).await.iter().all(|one| one.state == DeliveryState::Delivered));
    }

    async fn what_did_not_happen_is_not_told(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        let webhook = desk.webhook("/taken", &[EventKind::CallEnded]).await;
        let (store, tenant) = (&fresh.store, &desk.practice.tenant.id);
        let call = desk.practice.call(store, 1).await;
        let mut tx = store.begin(tenant).await.unwrap();
        let record = tx.calls().get(&call).await.unwrap().unwrap();
        tell(&mut tx, at(1), Event::CallEnded(&record)).await.unwrap();
        drop(tx);
        calls::answered(store, tenant, &call, at(1)).await.unwrap();
        assert_eq!(desk.deliveries(&webhook).await, [], "neither what was not kept nor what nobody asked for");
        assert_eq!(calls::close_lost(store, at(0), at(200)).await.unwrap(), 1);
        let told = desk.deliveries(&webhook).await;
        assert_eq!(told.len(), 1, "a call whose end nobody told is over, too");
        assert!(told[0].payload.contains("\"lost\""));
    }

    async fn what_is_not_taken_is_tried_for_a_day_given_up_and_can_be_sent_again(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        let webhook = desk.webhook("/down", &ALL).await;
        desk.receiver.is("/down", Mood::Answering(503));
        desk.end_calls(1).await;
        let mut now = MONDAY_8;
        for attempt in 1..=ATTEMPTS_MAX {
            let waiting = desk.only(&webhook).await;
            assert_eq!((waiting.state, waiting.attempts), (DeliveryState::Waiting, attempt - 1));
            now = now.max(waiting.due).plus_minutes(6);
            let left = desk.at(now).deliver(&desk.practice.tenant.id, &webhook).await;
            assert_eq!(matches!(left, Err(app::Error::Later { .. })), attempt < ATTEMPTS_MAX, "{left:?}");
        }
        let day = now.millis_since(MONDAY_8) / 3_600_000;
        assert!((22..32).contains(&day), "{day} hours");
        let dead = desk.only(&webhook).await;
        assert_eq!((dead.state, dead.last_status), (DeliveryState::Dead, Some(503)));
        let (_, tries) = desk.webhooks.delivery(&desk.by, &webhook, &dead.id).await.unwrap();
        assert_eq!(tries.len(), ATTEMPTS_MAX as usize);
        let (_, condition) = desk.webhooks.get(&desk.by, &webhook).await.unwrap();
        assert_eq!(condition.problem.as_deref(), Some("it answered with status 503"));
        assert!(condition.failing_since.is_some());
        desk.receiver.is("/down", Mood::Willing);
        let again = desk.webhooks.resend(&desk.by, now, &webhook, &dead.id).await.unwrap();
        assert_eq!((again.state, again.attempts), (DeliveryState::Waiting, 0));
        desk.at(now).deliver(&desk.practice.tenant.id, &webhook).await.unwrap();
        let got = desk.receiver.got("/down");
        assert_eq!(got.len(), ATTEMPTS_MAX as usize + 1);
        assert!(got.iter().all(|one| one.id == dead.event.as_str()), "it is the same event");
        let (_, condition) = desk.webhooks.get(&desk.by, &webhook).await.unwrap();
        assert_eq!((condition.problem, condition.failing_since), (None, None), "all is well again");
        desk.leave().await;
    }

    async fn whoever_hangs_floods_or_leads_elsewhere_holds_nobody_else_up(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::hurried(4)).await;
        let inside = desk.receiver.url("/inside");
        let bad = [
            ("/hang", Mood::Hanging, "the answer took too long"),
            ("/flood", Mood::Flooding(50_000_000), "the answer was too long"),
            ("/away", Mood::Redirecting(inside), "it answered with status 302: redirects are not followed"),
            ("/drop", Mood::Dropping, "the address cannot be reached"),
        ];
        let mut webhooks = vec![];
        for (path, mood, _) in &bad {
            desk.receiver.is(path, mood.clone());
            webhooks.push(desk.webhook(path, &ALL).await);
        }
        let good = desk.webhook("/good", &ALL).await;
        desk.run();
        let calls = 12;
        desk.end_calls(calls).await;
        desk.got("/hang", 1).await;
        desk.got("/good", calls as usize).await;
        let hanging = desk.deliveries(&webhooks[0]).await;
        assert!(hanging.iter().all(|one| one.state == DeliveryState::Waiting), "nothing was waited for");
        for ((path, _, problem), webhook) in bad.iter().zip(&webhooks) {
            desk.until(async |desk| {
                let (_, condition) = desk.webhooks.get(&desk.by, webhook).await.unwrap();
                condition.problem.as_deref() == Some(*problem)
            })
            .await;
            desk.got(path, 2).await;
        }
        assert_eq!(desk.receiver.got("/inside"), []);
        assert!(desk.deliveries(&good).await.iter().all(|one| one.state == DeliveryState::Delivered && one.attempts == 1));
        desk.stop().await;
    }

    async fn whoever_is_gone_is_told_nothing_any_more(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        let webhook = desk.webhook("/gone", &ALL).await;
        desk.receiver.is("/gone", Mood::Answering(410));
        desk.end_calls(6).await;
        let tenant = &desk.practice.tenant.id;
        let first = desk.at(at(5)).deliver(tenant, &webhook).await;
        assert!(matches!(first, Err(app::Error::Later { .. })), "{first:?}");
        desk.at(at(6)).deliver(tenant, &webhook).await.unwrap();
        assert_eq!(desk.receiver.got("/gone").len(), 4, "only what was on its way at once came");
        assert!(desk.deliveries(&webhook).await.iter().all(|one| one.state == DeliveryState::Dead));
        let (kept, condition) = desk.webhooks.get(&desk.by, &webhook).await.unwrap();
        assert!(!kept.item.active);
        assert!(condition.problem.unwrap().contains("410"));
        assert!(matches!(desk.webhooks.test(&desk.by, at(7), &webhook).await, Err(app::Error::Conflict(_))));
        desk.practice.call(&fresh.store, 99).await;
        calls::close_lost(&fresh.store, at(0), at(9)).await.unwrap();
        assert_eq!(desk.deliveries(&webhook).await.len(), 6, "what happens then, it never learns");
        desk.receiver.is("/gone", Mood::Willing);
        let active = desk.webhooks.edit(&desk.by, at(10), &webhook, None, |kept| Ok(Webhook { active: true, ..kept.clone() }));
        assert_eq!(active.await.unwrap().1.problem, None, "somebody has seen to it");
        desk.webhooks.test(&desk.by, at(10), &webhook).await.unwrap();
        desk.at(at(10)).deliver(tenant, &webhook).await.unwrap();
        assert_eq!(desk.receiver.got("/gone").last().unwrap().body["type"], "webhook.test");
        desk.leave().await;
    }

    async fn two_secrets_are_good_at_once_for_a_day(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        let webhook = desk.webhook("/taken", &ALL).await;
        let tenant = &desk.practice.tenant.id;
        let (_, second) = desk.webhooks.rotate(&desk.by, at(0), &webhook, None).await.unwrap();
        desk.receiver.trusts(second.expose_secret());
        let told = async |now: Timestamp| {
            desk.webhooks.test(&desk.by, now, &webhook).await.unwrap();
            desk.at(now).deliver(tenant, &webhook).await.unwrap();
            let got = desk.receiver.got("/taken").pop().unwrap();
            (got.signatures, got.signed_by)
        };
        assert_eq!(told(at(1)).await, (2, vec![0, 1]));
        assert_eq!(told(at(FORMER_SECRET_MINUTES)).await, (1, vec![1]), "the former one has had its day");
        let (_, third) = desk.webhooks.rotate(&desk.by, at(2_000), &webhook, None).await.unwrap();
        desk.receiver.trusts(third.expose_secret());
        assert_eq!(told(at(2_001)).await, (2, vec![1, 2]));
        let rows = fresh.store.read(tenant).await.unwrap().webhooks().secrets(&webhook).await.unwrap().unwrap();
        let sealed = [rows.secret, rows.former.unwrap().0].concat();
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains("whsec_"), "they are sealed where they lie");
        desk.leave().await;
    }

    async fn a_tenant_has_so_many_webhooks_and_no_more(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        for n in 0..WEBHOOKS_MAX {
            desk.webhook(&format!("/{n}"), &ALL).await;
        }
        let more = desk.webhooks.create(&desk.by, at(0), desk.wanted("more", "/more", &ALL)).await;
        assert!(matches!(more, Err(app::Error::Limit { max: WEBHOOKS_MAX, .. })));
        desk.leave().await;
    }

    async fn a_webhook_that_is_taken_away_takes_what_waits_with_it(fresh: Fresh) {
        let desk = Desk::open(&fresh, Clock::showing(MONDAY_8)).await;
        let webhook = desk.webhook("/taken", &ALL).await;
        desk.end_calls(2).await;
        desk.webhooks.remove(&desk.by, at(1), &webhook, None).await.unwrap();
        desk.at(at(2)).deliver(&desk.practice.tenant.id, &webhook).await.unwrap();
        assert_eq!(desk.receiver.got("/taken"), []);
        let across = fresh.store.across_tenants();
        assert_eq!(across.forget_deliveries(Timestamp::MAX).await.unwrap(), 0);
        desk.leave().await;
    }
}

/// What a webhook can ask for.
const ALL: [EventKind; 6] = [
    EventKind::CallEnded,
    EventKind::AppointmentBooked,
    EventKind::AppointmentMoved,
    EventKind::AppointmentCancelled,
    EventKind::MessageTaken,
    EventKind::OptOutAdded,
];

/// A practice, whoever looks after its webhooks, and a program of its own that is told.
struct Desk {
    store: Store,
    practice: Practice,
    webhooks: Webhooks,
    by: Actor,
    keys: Keys,
    receiver: Receiver,
    clock: Clock,
    tasks: Tasks,
}

impl Desk {
    async fn open(fresh: &Fresh, clock: Clock) -> Self {
        boot::install_tls();
        let (store, tasks) = (fresh.store.clone(), Tasks::new());
        let practice = Practice::open(&store, "alpha").await;
        let keys = Keys::load(&store, &house::KEY.into(), None, clock.now()).await.unwrap();
        let receiver = Receiver::start(&tasks, clock).await.unwrap();
        let by = Actor::new(practice.tenant.id.clone(), Who::System("test"));
        let webhooks = webhooks(&store, &keys, clock);
        Self { store, practice, webhooks, by, keys, receiver, clock, tasks }
    }

    /// The same, looked after at that time.
    fn at(&self, now: Timestamp) -> Webhooks {
        webhooks(&self.store, &self.keys, Clock::showing(now))
    }

    fn wanted(&self, name: &str, path: &str, kinds: &[EventKind]) -> Webhook {
        Webhook {
            id: format!("whk_{name}").parse().unwrap(),
            url: self.receiver.url(path),
            description: String::new(),
            kinds: kinds.iter().copied().chain([EventKind::CallEnded]).collect(),
            active: true,
        }
    }

    /// A webhook at that path, whose secret the receiver trusts.
    async fn webhook(&self, path: &str, kinds: &[EventKind]) -> WebhookId {
        let mut wanted = self.wanted(path.trim_start_matches('/'), path, kinds);
        if kinds == ALL {
            wanted.kinds.insert(EventKind::CallStarted);
        }
        let id = wanted.id.clone();
        let (_, secret) = self.webhooks.create(&self.by, self.clock.now(), wanted).await.unwrap();
        self.receiver.trusts(secret.expose_secret());
        id
    }

    /// Has what waits told, promptly.
    fn run(&self) {
        let webhooks = self.webhooks.clone();
        let handler: Handler = Arc::new(move |job| {
            let webhooks = webhooks.clone();
            Box::pin(async move {
                match &job.work {
                    Work::TellWebhook { webhook } => webhooks.deliver(&job.tenant, webhook).await,
                    other => panic!("{other:?} is in another lane"),
                }
            })
        });
        let runner = Runner::new(self.store.clone(), self.clock, self.tasks.clone(), handler, Lane::Telling);
        self.tasks.spawn_vital("telling jobs", runner.run());
    }

    /// So many calls that ring and are over.
    async fn end_calls(&self, count: u32) {
        for n in 0..count {
            let call = self.practice.call(&self.store, n).await;
            let ended = Finished::without_words(Outcome::CallerLeft, self.clock.now());
            calls::finished(&self.store, &self.practice.tenant.id, &call, &ended).await.unwrap();
        }
    }

    async fn deliveries(&self, webhook: &WebhookId) -> Vec<Delivery> {
        self.webhooks.deliveries(&self.by, webhook, None, None, 200).await.unwrap().items
    }

    async fn only(&self, webhook: &WebhookId) -> Delivery {
        let mut all = self.deliveries(webhook).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    async fn got(&self, path: &str, count: usize) -> Vec<Got> {
        let got = tokio::time::timeout(PATIENCE, self.receiver.has_got(path, count)).await;
        let got = got.unwrap_or_else(|_| panic!("{path} got {} of {count}", self.receiver.got(path).len()));
        // That it came is noted a moment later.
        self.until(async |desk| {
            let mut tx = desk.store.read(&desk.practice.tenant.id).await.unwrap();
            let id = format!("whk_{}", path.trim_start_matches('/')).parse().unwrap();
            let page = tx.deliveries().page(&id, Some(DeliveryState::Delivered), None, 200).await.unwrap();
            page.items.len() >= count || !matches!(path, "/taken" | "/good")
        })
        .await;
        got
    }

    async fn until(&self, holds: impl AsyncFn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(self).await {
                tokio::task::yield_now().await;
            }
        });
        waited.await.unwrap();
    }

    async fn leave(&self) {
        self.stop().await;
    }

    async fn stop(&self) {
        self.tasks.stop();
        tokio::time::timeout(PATIENCE, self.tasks.ended()).await.unwrap();
    }
}

fn webhooks(store: &Store, keys: &Keys, clock: Clock) -> Webhooks {
    let egress = Egress::new(Settings { loopback: true }, clock).unwrap();
    Webhooks::new(store.clone(), keys.clone(), egress, clock)
}
