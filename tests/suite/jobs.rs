//! Work in the queue: run promptly, run again when it fails, given up in the end.

use std::{sync::Arc, time::Duration};

use frontdesk::{
    app::{
        self,
        calls::{self, Finished},
        clips,
        keys::Keys,
        recordings,
    },
    audio::wav,
    boot,
    domain::{
        assistant::Language,
        conversation::Outcome,
        time::{CallTime, Timestamp},
    },
    jobs::{self, ATTEMPTS_MAX, Handler, Hands, LOST_AFTER_MINUTES, Runner},
    platform::{
        blobs::{self, BlobName, Blobs},
        clock::Clock,
        sealed::{self, Key},
        tasks::Tasks,
    },
    store::{Job, Lane, Store, Taped, Work},
    telephony::PublicUrl,
};
use tokio::sync::mpsc;

use crate::support::{
    databases::{Fresh, on_both},
    house::House,
    practice::{Practice, at},
};

/// Nothing here takes longer, whatever the machine is busy with.
const PATIENCE: Duration = Duration::from_secs(30);

/// One of each kind.
fn work_of_every_kind() -> Vec<Work> {
    let call = || "call_1".parse().unwrap();
    let all = vec![
        Work::ArchiveRecording { call: call() },
        Work::FetchMessage { message: "msg_1".parse().unwrap() },
        Work::SummariseCall { call: call() },
        Work::ImportTranscript { call: call() },
        Work::OpeningClip { assistant: "ast_1".parse().unwrap(), language: Language::German },
        Work::BuyNumber { order: "ord_1".parse().unwrap() },
        Work::SetUpNumber { number: "num_1".parse().unwrap() },
        Work::SettleAppointment { appointment: "apt_1".parse().unwrap() },
        Work::SyncCalendar { calendar: "cal_1".parse().unwrap() },
        Work::WatchCalendar { calendar: "cal_1".parse().unwrap() },
        Work::TellWebhook { webhook: "whk_1".parse().unwrap() },
        Work::Purge,
        Work::Erase { erasure: "era_1".parse().unwrap() },
        Work::Export { export: "exp_1".parse().unwrap() },
        Work::EraseTenant { erasure: "ter_1".parse().unwrap() },
    ];
    // Whoever adds a kind adds it above.
    match all[0] {
        Work::ArchiveRecording { .. }
        | Work::FetchMessage { .. }
        | Work::SummariseCall { .. }
        | Work::ImportTranscript { .. }
        | Work::OpeningClip { .. }
        | Work::BuyNumber { .. }
        | Work::SetUpNumber { .. }
        | Work::SettleAppointment { .. }
        | Work::SyncCalendar { .. }
        | Work::WatchCalendar { .. }
        | Work::TellWebhook { .. }
        | Work::Purge
        | Work::Erase { .. }
        | Work::Export { .. }
        | Work::EraseTenant { .. } => all,
    }
}

on_both! {
    async fn work_of_every_kind_is_taken_as_what_was_asked_for(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "praxis").await;
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        let wanted = work_of_every_kind();
        for (n, work) in wanted.iter().enumerate() {
            tx.jobs().add(&format!("job_{n:02}").parse().unwrap(), work, at(0)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut taken = vec![];
        for lane in [Lane::Slow, Lane::Prompt, Lane::Telling] {
            taken.extend(fresh.store.across_tenants().take_jobs(at(1), at(2), 99, lane).await.unwrap());
        }
        taken.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        assert_eq!(taken.into_iter().map(|job| job.work).collect::<Vec<_>>(), wanted);
    }

    async fn work_that_is_added_is_done_at_once(fresh: Fresh) {
        // On a clock that does not hurry, the timer alone would let it wait for seconds.
        let mut scene = Scene::begin(&fresh, Clock::system(), |_| Ok(())).await;
        for n in 0..5 {
            scene.add(n).await;
        }
        let mut done: Vec<u32> = Vec::new();
        for _ in 0..5 {
            done.push(scene.ran().await.attempts);
        }
        assert_eq!(done, [1; 5]);
        scene.leave().await;
        assert_eq!(scene.waiting().await, None, "what is done is gone");
    }

    async fn work_that_fails_is_tried_again_and_then_given_up(fresh: Fresh) {
        let away = || app::Error::Unavailable("the engine", "unplugged".into());
        let mut scene = Scene::begin(&fresh, Clock::hurried(1_000), move |_| Err(away())).await;
        scene.add(1).await;
        for attempt in 1..=ATTEMPTS_MAX {
            assert_eq!(scene.ran().await.attempts, attempt);
        }
        scene.leave().await;
        let mut tx = fresh.store.read(&scene.practice.tenant.id).await.unwrap();
        let given_up = tx.jobs().given_up().await.unwrap();
        assert_eq!(given_up.len(), 1);
        assert_eq!(given_up[0].problem.as_deref(), Some("the engine does not answer; try again shortly"));
    }

    async fn work_that_can_never_be_done_is_given_up_at_once(fresh: Fresh) {
        let mut scene =
            Scene::begin(&fresh, Clock::system(), |_| Err(app::Error::NotFound("recording"))).await;
        scene.add(1).await;
        assert_eq!(scene.ran().await.attempts, 1);
        scene.leave().await;
        let mut tx = fresh.store.read(&scene.practice.tenant.id).await.unwrap();
        assert_eq!(tx.jobs().given_up().await.unwrap().len(), 1);
    }

    async fn work_that_panics_ends_alone_and_is_begun_anew(fresh: Fresh) {
        let mut scene = Scene::begin(&fresh, Clock::hurried(1_000), |job| {
            assert!(job.attempts > 1, "the first attempt breaks");
            Ok(())
        })
        .await;
        scene.add(1).await;
        assert_eq!(scene.ran().await.attempts, 1);
        assert_eq!(scene.ran().await.attempts, 2, "once the lease has ended");
        scene.leave().await;
        assert_eq!(scene.waiting().await, None);
    }

    async fn work_that_takes_long_stays_with_whoever_does_it(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let tenant = &practice.tenant.id;
        let work = Work::OpeningClip { assistant: practice.assistant.id.clone(), language: Language::German };
        let mut tx = fresh.store.begin(tenant).await.unwrap();
        tx.jobs().add(&"job_long".parse().unwrap(), &work, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let across = fresh.store.across_tenants();
        let taken = across.take_jobs(at(0), at(1), 9, Lane::Slow).await.unwrap();
        let mut tx = fresh.store.begin(tenant).await.unwrap();
        assert!(tx.jobs().prolong(&taken[0], at(5)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(across.take_jobs(at(4), at(9), 9, Lane::Slow).await.unwrap(), []);
        let again = across.take_jobs(at(5), at(9), 9, Lane::Slow).await.unwrap();
        assert_eq!(again.len(), 1, "nobody says any more that it is being done");
        let mut tx = fresh.store.begin(tenant).await.unwrap();
        assert!(!tx.jobs().prolong(&taken[0], at(20)).await.unwrap(), "it is somebody else's");
    }

    async fn the_recording_of_a_call_that_ended_is_archived(fresh: Fresh) {
        let (practice, folder) = (Practice::open(&fresh.store, "alpha").await, tempfile::tempdir().unwrap());
        let call = practice.call(&fresh.store, 1).await;
        let blobs = Blobs::open(&blobs::Settings::in_folder(folder.path())).unwrap();
        let name = BlobName::new("recordings/one.wav").unwrap();
        let keys = Keys::passing(&fresh.store).unwrap();
        let prepared = recordings::prepare(&keys, &practice.tenant.id, &call).unwrap();
        let sealed = sealed::Writer::new(Vec::new(), &Key::new(&prepared.key).unwrap()).unwrap();
        let mut writer = wav::Writer::new(sealed, 0).unwrap();
        writer.write(&[[700, -700]; 16_000]).unwrap();
        blobs.put(&name, &writer.into_inner().finish().unwrap()).unwrap();
        let taped = Taped {
            blob: name.to_string(),
            key: Some(prepared.sealed),
            begun: at(1),
            began: CallTime(0),
            millis: Some(2_000),
            complete: true,
            silences: vec![],
        };
        let ended = Finished {
            recording: Some(taped),
            ..Finished::without_words(Outcome::CallerLeft, at(3))
        };
        calls::finished(&fresh.store, &practice.tenant.id, &call, &ended).await.unwrap();

        let (config, tasks) = (House::new().config(), Tasks::new());
        let public = PublicUrl::local("127.0.0.1:1".parse().unwrap());
        let people = boot::people(&config, &fresh.store, &public, &keys).unwrap();
        let clock = Clock::system();
        let hands = Hands {
            store: fresh.store.clone(),
            blobs: blobs.clone(),
            keys: keys.clone(),
            speech: config.openai.clone(),
            accounts: boot::accounts(&config, &fresh.store, &keys).unwrap(),
            calendars: boot::calendars(&config, &fresh.store, &keys, &people, &public, clock, &tasks).unwrap(),
            webhooks: boot::webhooks(&config, &fresh.store, &keys, clock).unwrap(),
            clock,
        };
        let runner = Runner::new(fresh.store.clone(), hands.clock, tasks.clone(), hands.handler(), Lane::Slow);
        tasks.spawn_vital("jobs", runner.run());
        let recording = tokio::time::timeout(PATIENCE, async {
            loop {
                let kept = calls::load(&fresh.store, &practice.tenant.id, &call).await.unwrap();
                let recording = kept.record.recording.unwrap();
                if recording != name.as_str() {
                    return recording;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        assert_eq!(recording, "recordings/one.ogg");
        assert!(blobs.get(&BlobName::new(recording).unwrap()).is_ok());
        tasks.leave();
        tokio::time::timeout(PATIENCE, tasks.ended()).await.unwrap();
        assert!(matches!(blobs.get(&name), Err(blobs::Error::Missing)), "the large form goes");
        // Run once more, it finds nothing to do but what it was stopped before.
        blobs.put(&name, b"the large form").unwrap();
        let again = recordings::archive(&fresh.store, &blobs, &keys, &practice.tenant.id, &call).await;
        assert!(!again.unwrap());
        assert!(matches!(blobs.get(&name), Err(blobs::Error::Missing)));
    }

    async fn what_a_killed_server_recorded_is_archived_when_its_call_is_given_up(fresh: Fresh) {
        let (practice, folder) = (Practice::open(&fresh.store, "alpha").await, tempfile::tempdir().unwrap());
        let (tenant, call) = (&practice.tenant.id, practice.call(&fresh.store, 1).await);
        let blobs = Blobs::open(&blobs::Settings::in_folder(folder.path())).unwrap();
        let keys = Keys::passing(&fresh.store).unwrap();
        let prepared = recordings::prepare(&keys, tenant, &call).unwrap();
        let name = BlobName::new(prepared.blob.clone()).unwrap();
        let sealed = sealed::Writer::new(blobs.begin(&name).unwrap(), &Key::new(&prepared.key).unwrap()).unwrap();
        let mut writer = wav::Writer::new(sealed, 0).unwrap();
        writer.write(&[[700, -700]; 16_000]).unwrap();
        std::mem::forget(writer);
        let yes = (at(1), "Darf ich aufzeichnen?".to_owned());
        recordings::begun(&fresh.store, tenant, &call, &prepared, CallTime(700), &yes).await.unwrap();
        let kept = calls::load(&fresh.store, tenant, &call).await.unwrap();
        assert_eq!(kept.consent.unwrap().wording, yes.1, "the yes is kept at once");
        assert_eq!(recordings::salvage(&fresh.store, at(2)).await.unwrap(), 0, "the call may still be in the air");

        let later = at(0).plus_minutes(LOST_AFTER_MINUTES + 1);
        jobs::sweep(&fresh.store, later).await.unwrap();
        assert_eq!(recordings::salvage(&fresh.store, later).await.unwrap(), 1);
        let jobs = fresh.store.across_tenants().take_jobs(later, later, 9, Lane::Slow).await.unwrap();
        assert_eq!(jobs[0].work, Work::ArchiveRecording { call: call.clone() });
        assert!(recordings::archive(&fresh.store, &blobs, &keys, tenant, &call).await.unwrap());
        let mut tx = fresh.store.read(tenant).await.unwrap();
        let taped = tx.recordings().get(&call).await.unwrap().unwrap();
        assert!(taped.blob.ends_with(".ogg") && !taped.complete, "{taped:?}");
        assert_eq!(taped.millis, Some((2 * sealed::CHUNK_LEN as u64 - 44) / 32), "up to the last whole second");
        drop(tx);
        assert_eq!(recordings::salvage(&fresh.store, later).await.unwrap(), 0, "once is enough");
    }

    async fn everybody_who_answers_a_number_is_asked_for_clips_once(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        Practice::open(&fresh.store, "beta").await;
        clips::ask_for_all(&fresh.store, at(0)).await.unwrap();
        clips::ask_for_all(&fresh.store, at(0)).await.unwrap();
        let asked = fresh.store.across_tenants().take_jobs(at(0), at(9), 10, Lane::Slow).await.unwrap();
        assert_eq!(asked.len(), 2);
        let assistant = practice.assistant.id.clone();
        let work = Work::OpeningClip { assistant, language: Language::German };
        assert!(asked.iter().any(|job| job.tenant == practice.tenant.id && job.work == work));
    }

    async fn calls_whose_end_nobody_told_are_closed(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let soon = jobs::sweep(&fresh.store, at(LOST_AFTER_MINUTES - 1)).await.unwrap();
        assert_eq!(soon.calls, 0);
        let swept = jobs::sweep(&fresh.store, at(LOST_AFTER_MINUTES)).await.unwrap();
        assert_eq!(swept.calls, 1);
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        let record = tx.calls().get(&call).await.unwrap().unwrap();
        assert_eq!((record.outcome, record.ended), (Some(Outcome::Lost), Some(at(LOST_AFTER_MINUTES))));
    }
}

/// A runner at work on a practice's queue.
struct Scene {
    practice: Practice,
    store: Store,
    clock: Clock,
    tasks: Tasks,
    ran: mpsc::Receiver<Job>,
}

impl Scene {
    async fn begin<F>(fresh: &Fresh, clock: Clock, result: F) -> Self
    where
        F: Fn(&Job) -> Result<(), app::Error> + Send + Sync + 'static,
    {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (tell, ran) = mpsc::channel(100);
        let (tasks, result) = (Tasks::new(), Arc::new(result));
        let handler: Handler = Arc::new(move |job| {
            let (tell, result) = (tell.clone(), Arc::clone(&result));
            Box::pin(async move {
                tell.send(job.clone()).await.unwrap();
                result(&job)
            })
        });
        let runner = Runner::new(fresh.store.clone(), clock, tasks.clone(), handler, Lane::Slow);
        tasks.spawn_vital("jobs", runner.run());
        Self { practice, store: fresh.store.clone(), clock, tasks, ran }
    }

    async fn add(&self, n: u32) {
        let language = if n.is_multiple_of(2) { Language::German } else { Language::English };
        let assistant = format!("ast_{n}").parse().unwrap();
        let mut tx = self.store.begin(&self.practice.tenant.id).await.unwrap();
        let (id, now) = (format!("job_{n}").parse().unwrap(), self.clock.now());
        tx.jobs().add(&id, &Work::OpeningClip { assistant, language }, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn ran(&mut self) -> Job {
        tokio::time::timeout(PATIENCE, self.ran.recv()).await.unwrap().unwrap()
    }

    async fn leave(&self) {
        self.tasks.leave();
        tokio::time::timeout(PATIENCE, self.tasks.ended()).await.unwrap();
    }

    async fn waiting(&self) -> Option<Timestamp> {
        self.store.across_tenants().next_due().await.unwrap()
    }
}
