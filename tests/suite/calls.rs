//! The record of a call, whatever order the news of it comes in.

use frontdesk::{
    app::{
        Error,
        bookings::{self, Asker, Wish},
        calls::{self, Finished, Ring, Rung},
    },
    domain::{
        conversation::{CallState, Outcome},
        id::CallId,
        time::CallTime,
    },
    store::{Lane, Store, Taped, Work},
};

use crate::support::{
    databases::on_both,
    practice::{Practice, at, sid},
};

on_both! {
    async fn a_number_that_is_rung_finds_who_answers(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        Practice::open(&fresh.store, "beta").await;
        let Rung::Answer(answer) = calls::ring(&fresh.store, at(0), ring(&practice, 1)).await.unwrap() else {
            panic!("somebody has that number");
        };
        assert_eq!((&answer.tenant, &answer.number), (&practice.tenant, &practice.number));
        assert_eq!(answer.assistant, practice.assistant);
        assert_eq!(answer.services, [practice.checkup.clone(), practice.vaccination.clone()]);
        assert_eq!((answer.record.state, answer.record.rang), (CallState::Ringing, at(0)));
        assert!(!answer.duplicate);

        let nobody = Ring { to: "+493099999999".parse().unwrap(), ..ring(&practice, 2) };
        assert!(matches!(calls::ring(&fresh.store, at(0), nobody).await.unwrap(), Rung::UnknownNumber));
        assert_eq!(fresh.store.across_tenants().call(&sid(2)).await.unwrap(), None, "nothing is kept of it");
    }

    async fn the_same_webhook_twice_is_the_same_call(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let first = rung(&fresh.store, &practice, 1).await;
        let Rung::Answer(again) = calls::ring(&fresh.store, at(1), ring(&practice, 1)).await.unwrap() else {
            panic!("somebody has that number");
        };
        assert_eq!((again.record.id, again.record.rang, again.duplicate), (first, at(0), true));
        // Under another tenant's number the same name is no call of theirs.
        let theirs = Practice::open(&fresh.store, "beta").await;
        let stolen = calls::ring(&fresh.store, at(1), ring(&theirs, 1)).await;
        assert!(matches!(stolen, Err(Error::Conflict(_))));
    }

    async fn a_call_that_was_answered_is_completed_and_one_that_was_not_has_failed(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let tenant = &practice.tenant.id;
        let (answered, lost) =
            (rung(&fresh.store, &practice, 1).await, rung(&fresh.store, &practice, 2).await);
        calls::answered(&fresh.store, tenant, &answered, at(1)).await.unwrap();
        for (call, outcome, state) in [
            (&answered, Outcome::CallerLeft, CallState::Completed),
            (&lost, Outcome::Lost, CallState::Failed),
        ] {
            let ended = Finished::without_words(outcome, at(3));
            calls::finished(&fresh.store, tenant, call, &ended).await.unwrap();
            let kept = calls::load(&fresh.store, tenant, call).await.unwrap().record;
            assert_eq!((kept.state, kept.outcome, kept.ended), (state, Some(outcome), Some(at(3))));
        }
        // One that was over before anybody had noted that it was answered.
        let short = rung(&fresh.store, &practice, 4).await;
        let ended =
            Finished { answered: Some(at(1)), ..Finished::without_words(Outcome::Lost, at(1)) };
        calls::finished(&fresh.store, tenant, &short, &ended).await.unwrap();
        calls::answered(&fresh.store, tenant, &short, at(1)).await.unwrap();
        let kept = calls::load(&fresh.store, tenant, &short).await.unwrap().record;
        assert_eq!((kept.state, kept.answered), (CallState::Completed, Some(at(1))));
        let refused = rung(&fresh.store, &practice, 3).await;
        calls::refused(&fresh.store, tenant, &refused, at(1)).await.unwrap();
        let kept = calls::load(&fresh.store, tenant, &refused).await.unwrap().record;
        assert_eq!((kept.state, kept.outcome), (CallState::Failed, Some(Outcome::Refused)));
    }

    async fn news_that_come_late_or_of_unknown_calls_change_nothing(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (tenant, call) = (&practice.tenant.id, rung(&fresh.store, &practice, 1).await);
        calls::answered(&fresh.store, tenant, &call, at(1)).await.unwrap();
        for state in [CallState::Completed, CallState::InProgress, CallState::Ringing, CallState::Failed] {
            calls::status(&fresh.store, at(2), &sid(1), state).await.unwrap();
            let kept = calls::load(&fresh.store, tenant, &call).await.unwrap().record;
            assert_eq!((kept.state, kept.ended), (CallState::Completed, Some(at(2))));
        }
        // The words come after Twilio's news; they are kept, and the outcome with them.
        let ended = Finished::without_words(Outcome::AgentLeft, at(2));
        calls::finished(&fresh.store, tenant, &call, &ended).await.unwrap();
        let kept = calls::load(&fresh.store, tenant, &call).await.unwrap().record;
        assert_eq!((kept.state, kept.outcome), (CallState::Completed, Some(Outcome::AgentLeft)));
        calls::status(&fresh.store, at(2), &sid(77), CallState::Completed).await.unwrap();
        let nobody = "call_nobody".parse().unwrap();
        assert!(matches!(calls::load(&fresh.store, tenant, &nobody).await, Err(Error::NotFound("call"))));
        let finished = calls::finished(&fresh.store, tenant, &nobody, &ended).await;
        assert!(matches!(finished, Err(Error::NotFound("call"))));
    }

    async fn a_call_that_ends_gives_back_what_it_held_and_has_its_recording_archived(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let (tenant, call) = (&practice.tenant.id, rung(&fresh.store, &practice, 1).await);
        let by = Asker { tenant: tenant.clone(), call: Some(call.clone()), key: None, staff: None };
        let wish = |minutes| {
            Wish { service: practice.checkup.id.clone(), start: at(minutes), resource: None, seats: 1 }
        };
        let contact = &practice.contact.id;
        let kept = bookings::book(&fresh.store, &by, at(0), &wish(180), contact, "", None).await.unwrap();
        bookings::hold(&fresh.store, &by, at(0), &wish(120)).await.unwrap();
        let ended = Finished {
            recording: Some(taped("recordings/one.wav")),
            consent: Some((at(1), "Darf ich aufzeichnen?".to_owned())),
            ..Finished::without_words(Outcome::CallerLeft, at(3))
        };
        for _ in 0..2 {
            calls::finished(&fresh.store, tenant, &call, &ended).await.unwrap();
        }
        let all = calls::load(&fresh.store, tenant, &call).await.unwrap();
        assert_eq!(all.appointments, [kept], "what is promised stays");
        assert_eq!(all.consent.unwrap().at, at(1));
        let jobs = fresh.store.across_tenants().take_jobs(at(3), at(9), 10, Lane::Slow).await.unwrap();
        assert_eq!(jobs.len(), 1, "told twice, it is archived once");
        assert_eq!(jobs[0].work, Work::ArchiveRecording { call });
    }
}

fn taped(blob: &str) -> Taped {
    Taped {
        blob: blob.to_owned(),
        key: None,
        begun: at(1),
        began: CallTime(700),
        millis: Some(9_000),
        complete: true,
        silences: vec![],
    }
}

fn ring(practice: &Practice, n: u32) -> Ring {
    let new = practice.new_call(n);
    Ring {
        sid: new.sid,
        account_sid: new.account_sid,
        from: new.from,
        to: new.to,
        attested: new.attested,
        forwarded: None,
    }
}

async fn rung(store: &Store, practice: &Practice, n: u32) -> CallId {
    match calls::ring(store, at(0), ring(practice, n)).await.unwrap() {
        Rung::Answer(answer) => answer.record.id,
        Rung::UnknownNumber | Rung::SteppedBack(_) | Rung::Blocked { .. } | Rung::ForwardingTest { .. } => {
            panic!("somebody answers that number")
        }
    }
}
