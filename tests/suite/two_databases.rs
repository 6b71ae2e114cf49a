//! The same store, the same promises, on SQLite and on PostgreSQL.

use std::{collections::BTreeSet, path::Path, time::Duration};

use frontdesk::{
    app::calls,
    domain::{
        assistant::Language,
        booking::{Appointment, AppointmentStatus, Window},
        conversation::{CallState, Outcome, Speaker, Turn},
        id::{AppointmentId, CallId, JobId},
        money::MicroUsd,
        time::{CallTime, TimeRange, Timestamp},
    },
    store::{
        Change, Consent, Ended, Error, Lane, Message, Settings, Store, TEXTS, ToolCall, ToolCallStatus, Work,
    },
};
use jiff::civil::{date, time};

use crate::support::{
    databases::{on_both, on_sqlite, open, settings},
    postgres,
    practice::{MONDAY_8, Practice, at, sid},
};

on_both! {
    async fn every_statement_is_understood(fresh: Fresh) {
        let mut seen = 0;
        for text in TEXTS.iter().copied().flatten().filter(|text| fresh.store.uses(**text)) {
            if let Err(error) = fresh.store.prepare(*text).await {
                panic!("{}: {error:?}", text.name);
            }
            seen += 1;
        }
        assert!(seen > 60, "only {seen} statements were looked at");
    }

    async fn whoever_stops_waiting_while_a_transaction_begins_leaves_nobody_inside_it(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        for looks in 1..=60 {
            let mut begins = Box::pin(fresh.store.read(&practice.tenant.id));
            for _ in 0..looks {
                if futures_util::poll!(&mut begins).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(begins);
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            tx.tenant().put(&practice.tenant).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn what_is_kept_comes_back_as_it_was(fresh: Fresh) {
        let mut practice = Practice::named("alpha");
        practice.ada.schedule.exceptions.insert(date(2026, 12, 24), vec![]);
        practice.ada.schedule.exceptions.insert(
            date(2026, 12, 31),
            vec![Window { opens: time(22, 0, 0, 0), closes: Window::DAY_END }],
        );
        practice.keep(&fresh.store).await;
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        assert_eq!(tx.tenant().get().await.unwrap().unwrap(), practice.tenant);
        assert_eq!(tx.resources().all().await.unwrap(), [practice.ada.clone(), practice.ben.clone()]);
        assert_eq!(tx.resources().by_name("ada").await.unwrap().unwrap(), practice.ada);
        assert_eq!(
            tx.resources().of_service(&practice.vaccination.id).await.unwrap(),
            [practice.ada.clone()]
        );
        let services = [practice.checkup.clone(), practice.vaccination.clone()];
        assert_eq!(tx.services().all().await.unwrap(), services);
        assert_eq!(tx.services().by_key("checkup").await.unwrap().unwrap(), practice.checkup);
        assert_eq!(tx.assistants().all().await.unwrap(), [practice.assistant.clone()]);
        assert_eq!(tx.assistants().by_name("Empfang").await.unwrap().unwrap(), practice.assistant);
        assert_eq!(tx.numbers().all().await.unwrap(), [practice.number.clone()]);
        let number = practice.contact.number.clone().unwrap();
        assert_eq!(tx.contacts().by_number(&number).await.unwrap(), [practice.contact.clone()]);
        assert_eq!(tx.contacts().get(&practice.contact.id).await.unwrap().unwrap(), practice.contact);
    }

    async fn keeping_the_same_again_changes_nothing_and_says_so(fresh: Fresh) {
        let practice = Practice::named("alpha");
        let id = &practice.tenant.id;
        let keep = async |practice: &Practice| {
            let mut tx = fresh.store.begin(id).await.unwrap();
            let changes = [
                tx.tenant().put(&practice.tenant).await.unwrap(),
                tx.resources().put(&practice.ada).await.unwrap(),
                tx.resources().put(&practice.ben).await.unwrap(),
                tx.services().put(&practice.checkup).await.unwrap(),
                tx.services().put(&practice.vaccination).await.unwrap(),
                tx.assistants().put(&practice.assistant, MONDAY_8, "system:test").await.unwrap(),
                tx.numbers().put(&practice.number).await.unwrap(),
            ];
            tx.commit().await.unwrap();
            changes
        };
        assert_eq!(keep(&practice).await, [Change::Created; 7]);
        assert_eq!(keep(&practice).await, [Change::Unchanged; 7]);
        let mut changed = practice.clone();
        changed.tenant.name = "Praxis Neu".to_owned();
        changed.ada.schedule.week[0].clear();
        changed.ben.name = "Benedikt".to_owned();
        changed.checkup.resources.reverse();
        changed.vaccination.price = Some("20 Euro".to_owned());
        changed.assistant.services.pop();
        changed.number.language = Language::English;
        assert_eq!(keep(&changed).await, [Change::Updated; 7]);
        let mut tx = fresh.store.read(id).await.unwrap();
        assert_eq!(tx.resources().get(&changed.ada.id).await.unwrap().unwrap(), changed.ada);
        assert_eq!(tx.services().get(&changed.checkup.id).await.unwrap().unwrap(), changed.checkup);
        assert_eq!(tx.assistants().get(&changed.assistant.id).await.unwrap().unwrap(), changed.assistant);
        assert_eq!(tx.numbers().by_number(&changed.number.number).await.unwrap().unwrap(), changed.number);
    }

    async fn what_was_not_committed_has_never_been(fresh: Fresh) {
        let practice = Practice::named("alpha");
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        tx.tenant().put(&practice.tenant).await.unwrap();
        drop(tx);
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert_eq!(tx.tenant().get().await.unwrap(), None);
    }

    async fn another_tenants_rows_do_not_exist(fresh: Fresh) {
        let ours = Practice::open(&fresh.store, "alpha").await;
        let theirs = Practice::open(&fresh.store, "beta").await;
        let call = theirs.call(&fresh.store, 1).await;
        let mut tx = fresh.store.begin(&ours.tenant.id).await.unwrap();
        assert_eq!(tx.services().get(&theirs.checkup.id).await.unwrap(), None);
        assert_eq!(tx.resources().get(&theirs.ada.id).await.unwrap(), None);
        assert_eq!(tx.assistants().get(&theirs.assistant.id).await.unwrap(), None);
        assert_eq!(tx.numbers().by_number(&theirs.number.number).await.unwrap(), None);
        assert_eq!(tx.contacts().get(&theirs.contact.id).await.unwrap(), None);
        assert_eq!(tx.calls().get(&call).await.unwrap(), None);
        assert_eq!(tx.calls().by_sid(&sid(1)).await.unwrap(), None);
        assert_eq!(tx.resources().all().await.unwrap().len(), 2);
        // Neither can a row of ours point at one of theirs.
        let stolen = appointment(&theirs, "stolen", 60, 90);
        assert!(matches!(tx.appointments().insert(&stolen, None, at(0)).await, Err(Error::Dangling(_))));
    }

    async fn a_number_rings_at_one_tenant(fresh: Fresh) {
        let ours = Practice::open(&fresh.store, "alpha").await;
        let mut theirs = Practice::open(&fresh.store, "beta").await;
        theirs.number.number = ours.number.number.clone();
        theirs.number.id = "num_other".parse().unwrap();
        let mut tx = fresh.store.begin(&theirs.tenant.id).await.unwrap();
        assert!(matches!(tx.numbers().put(&theirs.number).await, Err(Error::NotUnique(_))));
        drop(tx);
        let found = fresh.store.across_tenants().number(&ours.number.number).await.unwrap();
        let (tenant, held) = found.unwrap();
        assert_eq!((tenant, held.number), (ours.tenant.clone(), ours.number.clone()));
        let nobody = "+493099999999".parse().unwrap();
        assert_eq!(fresh.store.across_tenants().number(&nobody).await.unwrap(), None);
        assert_eq!(fresh.store.across_tenants().tenant("alpha").await.unwrap().unwrap(), ours.tenant);
        assert_eq!(fresh.store.across_tenants().tenant("gamma").await.unwrap(), None);
        assert_eq!(fresh.store.across_tenants().tenants().await.unwrap(), [ours.tenant, theirs.tenant]);
    }

    async fn a_service_cannot_name_a_resource_that_is_not(fresh: Fresh) {
        let mut practice = Practice::open(&fresh.store, "alpha").await;
        practice.checkup.resources.push("res_nobody".parse().unwrap());
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert!(matches!(tx.services().put(&practice.checkup).await, Err(Error::Dangling(_))));
    }

    async fn the_database_itself_refuses_two_appointments_in_one_place(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let other = Practice::open(&fresh.store, "beta").await;
        let insert = async |practice: &Practice, new: &Appointment| {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            tx.appointments().insert(new, None, at(0)).await?;
            tx.commit().await
        };
        let first = appointment(&practice, "first", 60, 100);
        insert(&practice, &first).await.unwrap();
        for (id, from, to) in [("same", 60, 100), ("before", 30, 61), ("after", 99, 120), ("inside", 70, 80)] {
            let late = appointment(&practice, id, from, to);
            assert!(matches!(insert(&practice, &late).await, Err(Error::Taken)), "{id}");
        }
        insert(&practice, &appointment(&practice, "touching", 100, 130)).await.unwrap();
        let mut with_ben = appointment(&practice, "ben", 60, 100);
        with_ben.resource = practice.ben.id.clone();
        insert(&practice, &with_ben).await.unwrap();
        insert(&other, &appointment(&other, "theirs", 60, 100)).await.unwrap();
        let cancelled = Appointment {
            status: AppointmentStatus::Cancelled,
            ..appointment(&practice, "cancelled", 60, 100)
        };
        insert(&practice, &cancelled).await.unwrap();

        // Nor can one be changed into another's place.
        let update = async |wanted: &Appointment, from| {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            let changed = tx.appointments().update(wanted, from).await?;
            tx.commit().await.map(|()| changed)
        };
        let moved = Appointment { id: first.id.clone(), ..appointment(&practice, "", 90, 110) };
        assert!(matches!(update(&moved, AppointmentStatus::Confirmed).await, Err(Error::Taken)));
        let revived = Appointment { status: AppointmentStatus::Confirmed, ..cancelled };
        assert!(matches!(update(&revived, AppointmentStatus::Cancelled).await, Err(Error::Taken)));
        let shifted = Appointment { id: first.id.clone(), ..appointment(&practice, "", 50, 90) };
        assert!(update(&shifted, AppointmentStatus::Confirmed).await.unwrap());
        assert!(!update(&shifted, AppointmentStatus::Held).await.unwrap(), "it is no hold");
    }

    async fn a_hold_keeps_others_out_until_it_is_cleared(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let hold = Appointment {
            contact: None,
            status: AppointmentStatus::Held,
            expires: Some(at(5)),
            ..appointment(&practice, "hold", 60, 90)
        };
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        tx.appointments().insert(&hold, None, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let wanted = appointment(&practice, "wanted", 60, 90);
        for (now, cleared) in [(at(4), 0), (at(5), 1)] {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            let day = TimeRange { start: at(0), end: at(600) };
            assert_eq!(tx.appointments().busy(day, now).await.unwrap().len(), 1 - cleared);
            assert_eq!(tx.appointments().clear_lapsed(now).await.unwrap(), cleared as u64);
            let kept = tx.appointments().insert(&wanted, None, now).await;
            assert_eq!(kept.is_ok(), cleared == 1, "{kept:?}");
        }
    }

    async fn the_same_call_rings_once(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (store, practice) = (fresh.store.clone(), practice.clone());
            tasks.spawn(async move {
                let mut new = practice.new_call(1);
                new.id = format!("call_try{n}").parse().unwrap();
                let mut tx = store.begin(&practice.tenant.id).await.unwrap();
                let first = tx.calls().ring(&new, at(0)).await.unwrap();
                let kept = tx.calls().by_sid(&sid(1)).await.unwrap().unwrap().id;
                tx.commit().await.unwrap();
                (first, kept)
            });
        }
        let rung = tasks.join_all().await;
        assert_eq!(rung.iter().filter(|(first, _)| *first).count(), 1);
        assert_eq!(rung.iter().map(|(_, id)| id.clone()).collect::<BTreeSet<CallId>>().len(), 1);
        let found = fresh.store.across_tenants().call(&sid(1)).await.unwrap().unwrap();
        assert_eq!(found, (practice.tenant.id.clone(), rung[0].1.clone()));
        assert_eq!(fresh.store.across_tenants().call(&sid(2)).await.unwrap(), None);
    }

    async fn a_calls_state_only_moves_forward(fresh: Fresh) {
        use CallState::{Completed, Failed, InProgress, Ringing};
        let practice = Practice::open(&fresh.store, "alpha").await;
        let told: [&[(CallState, CallState)]; 5] = [
            &[(Ringing, Ringing), (InProgress, InProgress), (Completed, Completed)],
            &[(Completed, Completed), (InProgress, Completed), (Ringing, Completed), (Failed, Completed)],
            &[(Failed, Failed), (Completed, Failed), (Failed, Failed)],
            &[(InProgress, InProgress), (InProgress, InProgress), (Ringing, InProgress)],
            &[(InProgress, InProgress), (Failed, Failed), (InProgress, Failed)],
        ];
        for (n, news) in (1..).zip(told) {
            let id = practice.call(&fresh.store, n).await;
            let mut before = Ringing;
            for (minute, (state, stands_at)) in (1..).zip(news) {
                let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
                let moved = tx.calls().advance(&id, *state, at(minute)).await.unwrap();
                let record = tx.calls().get(&id).await.unwrap().unwrap();
                tx.commit().await.unwrap();
                assert_eq!(record.state, *stands_at, "call {n}, news {minute}");
                assert_eq!(moved, before != *stands_at);
                before = *stands_at;
            }
        }
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        let first = tx.calls().by_sid(&sid(1)).await.unwrap().unwrap();
        assert_eq!((first.answered, first.ended), (Some(at(2)), Some(at(3))));
        let second = tx.calls().by_sid(&sid(2)).await.unwrap().unwrap();
        assert_eq!((second.answered, second.ended), (None, Some(at(1))), "the first news of the end counts");
    }

    async fn what_was_said_and_what_it_cost_is_kept(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let id = practice.call(&fresh.store, 1).await;
        let turn = |ordinal, speaker, text: &str| Turn {
            ordinal,
            speaker,
            began: CallTime(u64::from(ordinal) * 1000),
            ended: CallTime(u64::from(ordinal) * 1000 + 800),
            text: text.to_owned(),
            heard_text: text[..4].to_owned(),
            generated_ms: 900,
            heard_ms: 400,
            interrupted: ordinal == 0,
            first_audio_ms: (speaker == Speaker::Agent).then_some(300),
            confidence: None,
        };
        let turns = [turn(0, Speaker::Agent, "Guten Tag"), turn(1, Speaker::Caller, "Hallo, ich")];
        let ended = Ended {
            outcome: Outcome::CallerLeft,
            at: at(3),
            cost: MicroUsd(12_345),
            recording: Some("recordings/x.wav".to_owned()),
            consent: Some(Consent { at: at(1), wording: "Darf ich aufzeichnen?".to_owned() }),
            stream: Some(0),
        };
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert!(tx.calls().finish(&id, &ended).await.unwrap());
        tx.calls().add_turns(&id, &turns).await.unwrap();
        tx.calls().add_turns(&id, &turns[..1]).await.unwrap();
        tx.calls().set_recording(&id, Some("recordings/x.opus")).await.unwrap();
        let message = Message {
            id: "msg_1".parse().unwrap(),
            call: Some(id.clone()),
            name: "Erika".to_owned(),
            number: practice.contact.number.clone(),
            text: "Bitte zurückrufen".to_owned(),
            left: at(2),
            handled: None,
            spoken: None,
            work: Default::default(),
        };
        tx.messages().add(&message).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        let record = tx.calls().get(&id).await.unwrap().unwrap();
        assert_eq!((record.outcome, record.cost), (Some(Outcome::CallerLeft), MicroUsd(12_345)));
        assert_eq!(record.recording.as_deref(), Some("recordings/x.opus"));
        assert_eq!(tx.calls().turns(&id).await.unwrap(), turns);
        assert_eq!(tx.calls().consent(&id).await.unwrap(), ended.consent);
        assert_eq!(tx.calls().latest(5).await.unwrap(), [record]);
        assert_eq!(tx.messages().of_call(&id).await.unwrap(), std::slice::from_ref(&message));
        assert_eq!(tx.messages().latest(5).await.unwrap(), [message]);
    }

    async fn a_tool_call_that_comes_again_finds_its_first_answer(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = practice.call(&fresh.store, 1).await;
        let asked = |id: &str, arguments: &str| ToolCall {
            id: format!("tlc_{id}").parse().unwrap(),
            call: call.clone(),
            model_call_id: "call_abc".to_owned(),
            name: "book".to_owned(),
            arguments: arguments.to_owned(),
            arguments_hash: format!("hash of {arguments}"),
            status: ToolCallStatus::Running,
            output: None,
            began: at(1),
            took_ms: None,
        };
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert_eq!(tx.tool_calls().begin(&asked("a", "{}")).await.unwrap(), None);
        let running = tx.tool_calls().begin(&asked("b", "{}")).await.unwrap().unwrap();
        assert_eq!(running, asked("a", "{}"));
        assert!(tx.tool_calls().finish(&running.id, ToolCallStatus::Answered, "booked", 210).await.unwrap());
        assert!(!tx.tool_calls().finish(&running.id, ToolCallStatus::Failed, "late", 900).await.unwrap());
        let again = tx.tool_calls().begin(&asked("c", "{\"x\":1}")).await.unwrap().unwrap();
        assert_eq!(again.output.as_deref(), Some("booked"));
        assert_eq!((again.status, again.took_ms), (ToolCallStatus::Answered, Some(210)));
        assert_eq!(again.arguments_hash, "hash of {}", "so that other content can be told");
        assert_eq!(tx.tool_calls().of_call(&call).await.unwrap(), [again]);
    }

    async fn a_job_is_taken_by_one_worker_until_its_lease_ends(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        for n in 0..20 {
            add_job(&fresh.store, &practice, n, at(0)).await;
        }
        add_job(&fresh.store, &practice, 99, at(60)).await;
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = fresh.store.clone();
            workers.spawn(async move { store.across_tenants().take_jobs(at(1), at(11), 5, Lane::Slow).await.unwrap() });
        }
        let taken: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
        let ids: BTreeSet<&JobId> = taken.iter().map(|job| &job.id).collect();
        assert_eq!((taken.len(), ids.len()), (20, 20), "each once, and none that is not due");
        assert!(taken.iter().all(|job| job.attempts == 1 && job.tenant == practice.tenant.id));
        assert_eq!(fresh.store.across_tenants().take_jobs(at(10), at(20), 5, Lane::Slow).await.unwrap(), []);
        assert_eq!(fresh.store.across_tenants().next_due().await.unwrap(), Some(at(11)));

        // A worker whose lease ran out can no longer end the job: another has it.
        let mut again = fresh.store.across_tenants().take_jobs(at(11), at(21), 100, Lane::Slow).await.unwrap();
        again.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!((again.len(), again[0].attempts), (20, 2));
        let stale = taken.iter().find(|job| job.id == again[0].id).unwrap();
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        assert!(!tx.jobs().done(stale).await.unwrap());
        assert!(tx.jobs().done(&again[0]).await.unwrap());
        assert!(tx.jobs().again(&again[1], at(30), "the disk is full").await.unwrap());
        assert!(tx.jobs().give_up(&again[2], "the recording is gone").await.unwrap());
        assert_eq!(tx.jobs().given_up().await.unwrap()[0].problem.as_deref(), Some("the recording is gone"));
        tx.commit().await.unwrap();
        let later = fresh.store.across_tenants().take_jobs(at(59), at(61), 100, Lane::Slow).await.unwrap();
        assert_eq!(later.len(), 18, "neither the one done nor the one given up");
        let retried = later.iter().find(|job| job.id == again[1].id).unwrap();
        assert_eq!((retried.attempts, retried.problem.as_deref()), (3, Some("the disk is full")));
    }

    async fn the_same_work_waits_once(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let work = Work::OpeningClip { assistant: practice.assistant.id.clone(), language: Language::German };
        for (n, due) in [(1, at(10)), (2, at(3))] {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            tx.jobs().add(&format!("job_{n}").parse().unwrap(), &work, due).await.unwrap();
            tx.commit().await.unwrap();
        }
        let taken = fresh.store.across_tenants().take_jobs(at(3), at(9), 10, Lane::Slow).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].id.as_str(), &taken[0].work), ("job_1", &work));
        // Given up and asked for again, it begins anew.
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        tx.jobs().give_up(&taken[0], "no").await.unwrap();
        tx.jobs().add(&"job_3".parse().unwrap(), &work, at(4)).await.unwrap();
        tx.commit().await.unwrap();
        let taken = fresh.store.across_tenants().take_jobs(at(4), at(9), 10, Lane::Slow).await.unwrap();
        assert_eq!((taken.len(), taken[0].attempts), (1, 1));
    }

    async fn work_that_is_added_wakes_who_waits_once_it_is_kept(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let work = Work::OpeningClip { assistant: practice.assistant.id.clone(), language: Language::German };
        for kept in [false, true] {
            let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
            tx.jobs().add(&"job_1".parse().unwrap(), &work, at(0)).await.unwrap();
            if kept {
                tx.commit().await.unwrap();
            }
            let woken = tokio::time::timeout(Duration::ZERO, fresh.store.work_added(Lane::Slow)).await;
            assert_eq!(woken.is_ok(), kept);
        }
    }

    async fn what_is_left_lying_about_is_swept_up(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let lost = practice.call(&fresh.store, 1).await;
        let answered = practice.call(&fresh.store, 2).await;
        let told = practice.call(&fresh.store, 3).await;
        let mut tx = fresh.store.begin(&practice.tenant.id).await.unwrap();
        tx.calls().advance(&answered, CallState::InProgress, at(1)).await.unwrap();
        tx.calls().advance(&told, CallState::Failed, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(calls::close_lost(&fresh.store, at(-1), at(200)).await.unwrap(), 0);
        assert_eq!(calls::close_lost(&fresh.store, at(0), at(200)).await.unwrap(), 3);
        assert_eq!(calls::close_lost(&fresh.store, at(0), at(201)).await.unwrap(), 0);
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        for (id, state, ended) in [
            (lost, CallState::Failed, at(200)),
            (answered, CallState::Completed, at(200)),
            (told, CallState::Failed, at(2)),
        ] {
            let record = tx.calls().get(&id).await.unwrap().unwrap();
            assert_eq!(record.outcome, Some(Outcome::Lost));
            assert_eq!((record.state, record.ended), (state, Some(ended)));
        }
    }

    async fn the_tables_are_brought_up_to_date_once(fresh: Fresh) {
        assert_eq!(fresh.store.migrations_pending().await.unwrap(), 0);
        fresh.store.migrate().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = if fresh.store.embedded() {
            // A folder that is not there yet is made.
            format!("sqlite://{}", folder.path().join("data/new.db").display())
        } else {
            postgres::bare_url().await
        };
        let bare = open(&url).await;
        assert!(bare.migrations_pending().await.unwrap() > 0);
        let (one, two) = tokio::join!(bare.migrate(), bare.migrate());
        one.and(two).unwrap();
        assert_eq!(bare.migrations_pending().await.unwrap(), 0);
        Practice::open(&bare, "alpha").await;
    }

    async fn a_database_that_is_away_says_so(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        fresh.store.ping().await.unwrap();
        fresh.store.close().await;
        assert!(matches!(fresh.store.ping().await, Err(Error::Away(_))));
        assert!(matches!(fresh.store.begin(&practice.tenant.id).await, Err(Error::Away(_))));
        assert!(matches!(fresh.store.read(&practice.tenant.id).await, Err(Error::Away(_))));
    }
}

#[tokio::test]
async fn postgres_refuses_to_write_through_the_door_for_reading() {
    let fresh = crate::support::databases::on_postgres().await;
    let practice = Practice::open(&fresh.store, "alpha").await;
    let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
    let changed = Practice::named("alpha").tenant;
    let changed = frontdesk::domain::org::Tenant { name: "Anders".to_owned(), ..changed };
    assert!(matches!(tx.tenant().put(&changed).await, Err(Error::Database(_))));
}

#[tokio::test]
async fn a_writer_that_waits_for_itself_is_told_so() {
    let fresh = on_sqlite().await;
    let practice = Practice::open(&fresh.store, "alpha").await;
    let _writing = fresh.store.begin(&practice.tenant.id).await.unwrap();
    // Time that nobody uses passes at once.
    tokio::time::pause();
    assert!(matches!(fresh.store.begin(&practice.tenant.id).await, Err(Error::Busy(_))));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_and_never_printed() {
    for url in ["", "mysql://a/b", "frontdesk.db", "postgres://user:hunter2@:bad/"] {
        let settings = Settings { connections_max: 2, ..settings(url) };
        let refused = Store::open(&settings).await.unwrap_err();
        assert!(matches!(refused, Error::Url), "{url}: {refused:?}");
        assert!(!format!("{settings:?}{refused:?}").contains("hunter2"));
    }
}

#[test]
fn both_databases_have_the_same_steps() {
    let steps = |dialect: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
        let names = std::fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(steps("sqlite"), steps("postgres"));
    assert!(!steps("sqlite").is_empty());
}

#[test]
fn no_statement_is_missing_from_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let listed: Vec<&str> = TEXTS.iter().copied().flatten().map(|text| text.name).collect();
    let mut queries = 0;
    for path in rust_files(&folder) {
        let (source, file) = (std::fs::read_to_string(&path).unwrap(), path.file_stem().unwrap());
        let file = file.to_str().unwrap();
        for call in ["query(", "query_as(", "query_scalar(", "raw_sql("] {
            for (at, _) in source.match_indices(call) {
                // A function of the database's own, such as to_tsquery.
                if source[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
                    continue;
                }
                let argument: String =
                    source[at + call.len()..].chars().take_while(|c| !matches!(c, ')' | ',')).collect();
                queries += 1;
                // A name of another file carries that file's.
                let named =
                    if argument.contains("::") { argument.clone() } else { format!("{file}::{argument}") };
                let known = listed.iter().any(|listed| listed.ends_with(&format!("::{named}")));
                // A name in small letters was chosen from two that are listed.
                let chosen = ["text", "stamp"].contains(&argument.as_str());
                assert!(known || chosen, "{file}: `{call}{argument})` is not in TEXTS");
            }
        }
    }
    assert!(queries > 60, "only {queries} queries were found");
}

/// A promise to the practice's contact with Ada, `from` and `to` minutes after eight.
fn appointment(practice: &Practice, id: &str, from: i64, to: i64) -> Appointment {
    let time = TimeRange { start: at(from), end: at(to) };
    Appointment {
        id: format!("apt_{id}x").parse::<AppointmentId>().unwrap(),
        service: practice.checkup.id.clone(),
        resource: practice.ada.id.clone(),
        together: vec![],
        seats: 1,
        session: None,
        contact: Some(practice.contact.id.clone()),
        time,
        blocked: time,
        status: AppointmentStatus::Confirmed,
        expires: None,
        note: String::new(),
        clashing: false,
    }
}

async fn add_job(store: &Store, practice: &Practice, n: u32, due: Timestamp) {
    let call = practice.call(store, n).await;
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    let work = Work::ArchiveRecording { call };
    tx.jobs().add(&format!("job_{n:03}").parse().unwrap(), &work, due).await.unwrap();
    tx.commit().await.unwrap();
    assert!(due >= MONDAY_8);
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else {
            files.push(path);
        }
    }
    files
}
