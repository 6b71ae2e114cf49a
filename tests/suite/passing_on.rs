//! Whom a model may pass a caller on to, and what becomes of it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use frontdesk::{
    app::{
        access::{Actor, Who},
        analytics::{self, Wanted},
        calls,
        tools::{Answer, CallContext, Request, Toolbox, specs},
        transfers::{self, After, Onward, PER_CALL_MAX, Rang, TakeOver},
    },
    boot::config::Config,
    domain::{
        assistant::Language,
        booking::{Schedule, Window},
        conversation::{CallState, Outcome},
        id::CallId,
        money::MicroUsd,
        people::Role,
        phrases::Phrase,
        tool::ToolName,
        transfer::{Transfer, TransferState, TransferTarget},
    },
    platform::clock::Clock,
    store::{CallFilter, Store},
};
use jiff::civil::date;
use serde_json::{Value, json};

use crate::support::{
    databases::on_both,
    practice::{MONDAY_8, Practice, at},
};

on_both! {
    async fn a_caller_who_says_yes_is_passed_on_to_whom_they_asked_for(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let asked = line.ask(json!({ "to": "Dr. Winter", "wish": "Fragt nach einem Befund." })).await;
        assert_eq!((&asked.0["status"], asked.1), (&json!("confirm"), false));
        assert_eq!(asked.0["say"], "Ich kann Sie verbinden: Dr. Winter. Soll ich das tun?");
        assert!(line.transfers().await.is_empty(), "nothing is done before the caller has said yes");
        let done = line.ask(json!({ "to": "dr winter", "wish": "Fragt\nnach einem Befund.", "confirmed": true })).await;
        assert_eq!((&done.0["status"], done.1), (&json!("putting_through"), true));
        let [transfer] = &line.transfers().await[..] else { panic!("one transfer") };
        assert_eq!((transfer.state, transfer.announced), (TransferState::Asked, true));
        assert_eq!((transfer.wish.as_str(), transfer.by.as_str()), ("Fragt nach einem Befund.", "assistant"));
        assert_eq!(transfer.number, line.winter.number);
    }

    async fn a_model_cannot_pass_anybody_on_without_asking_or_to_a_number(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        for to in ["+4930110110", "Polizei", "tgt_boss"] {
            let refused = line.ask(json!({ "to": to, "wish": "", "confirmed": true })).await;
            assert_eq!((&refused.0["status"], refused.1), (&json!("unknown_target"), false), "{to}");
            assert_eq!(refused.0["reachable"], json!(["Dr. Winter"]), "only who is there is offered");
        }
        let hasty = line.ask(json!({ "to": "Dr. Winter", "wish": "", "confirmed": true })).await;
        assert_eq!((&hasty.0["status"], hasty.1), (&json!("confirm"), false), "asked first, whatever the model says");
        assert!(line.transfers().await.is_empty());
    }

    async fn whoever_is_closed_is_not_rung_and_it_is_said_when_they_can_be(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let closed = line.ask(json!({ "to": "Anmeldung", "wish": "", "confirmed": true })).await;
        assert_eq!((&closed.0["status"], closed.1), (&json!("closed"), false));
        assert_eq!(
            closed.0["say"],
            "Anmeldung ist gerade nicht zu sprechen, erst wieder morgen, Dienstag, um neun Uhr. Soll ich eine Nachricht \
             aufnehmen?"
        );
        assert_eq!(closed.0["reachable"], json!(["Dr. Winter"]));
    }

    async fn a_call_is_passed_on_so_often_and_no_more(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        for _ in 0..PER_CALL_MAX {
            line.pass_on().await;
        }
        let more = line.ask(json!({ "to": "Dr. Winter", "wish": "" })).await;
        assert_eq!((&more.0["status"], more.1), (&json!("limit"), false));
    }

    async fn twilio_is_told_whom_to_ring_and_told_the_same_when_it_asks_again(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        assert!(matches!(line.onward().await, Onward::Broken(Language::German)), "nobody is passed on yet");
        line.pass_on().await;
        for _ in 0..2 {
            let Onward::Ring { transfer, shown, .. } = line.onward().await else { panic!("somebody is rung") };
            assert_eq!(transfer.number, line.winter.number);
            assert_eq!(Some(shown), line.practice.contact.number);
        }
        assert_eq!(line.transfers().await[0].state, TransferState::Ringing);
    }

    async fn whoever_takes_a_call_ends_the_agents_part_of_it(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let transfer = line.pass_on().await;
        line.onward().await;
        assert!(transfers::taken(&fresh.store, at(1), &transfer.id, &line.account).await.unwrap().is_some());
        let after = line.ended(&transfer, Rang::Answered, Some(true)).await;
        assert!(matches!(after, After::Over { state: TransferState::Connected, .. }), "{after:?}");
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!((kept.record.state, kept.record.outcome), (CallState::Completed, Some(Outcome::Transferred)));
        let told = &kept.transfers[0];
        assert!(told.connected.is_some() && told.ended.is_some());
        assert_eq!(told.wish, "", "what the caller wanted is forgotten once it is over");
    }

    async fn nobody_who_takes_the_call_means_back_to_an_agent_who_knows_it(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let cases = [
            (Rang::Busy, None, TransferState::Busy, "busy"),
            (Rang::NoAnswer, None, TransferState::NoAnswer, "nobody answered"),
            // Whoever answered pressed no key: the carrier says that the call was answered all the same.
            (Rang::Answered, Some(false), TransferState::Declined, "did not take the call"),
        ];
        for (number, (rang, bridged, state, why)) in cases.into_iter().enumerate() {
            let transfer = line.pass_on().await;
            line.onward().await;
            let After::Back { state: told, answer } = line.ended(&transfer, rang, bridged).await else {
                panic!("the caller is back: {rang:?}")
            };
            assert_eq!(told, state);
            let back = answer.back.clone().unwrap();
            assert_eq!(back.stream as usize, number + 1);
            assert!(back.facts.contains(why) && back.facts.contains("Dr. Winter"), "{}", back.facts);
            assert!(!answer.assistant.recording, "nothing is recorded any more");
        }
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!(kept.record.outcome, None, "the call goes on");
    }

    async fn a_colleagues_line_that_ends_brings_the_agent_back_unless_the_caller_left_first(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let transfer = line.taken_over().await;
        let told = transfers::announcement(&fresh.store, &transfer.id, &line.account).await.unwrap();
        assert!(told.is_none_or(|told| told.transfer.is_takeover()));
        line.onward().await;
        assert!(transfers::taken(&fresh.store, at(1), &transfer.id, &line.account).await.unwrap().is_some());
        let After::Back { state: TransferState::Connected, answer } =
            line.ended(&transfer, Rang::Answered, Some(true)).await
        else {
            panic!("the caller is back")
        };
        let back = answer.back.unwrap();
        assert_eq!(back.phrase, Phrase::ColleagueGone);
        assert!(back.facts.contains("a colleague took the call over"), "{}", back.facts);
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!(kept.record.outcome, None, "the call goes on");
        // Not taken, it is like everybody who is not there.
        let transfer = line.taken_over().await;
        line.onward().await;
        let After::Back { answer, .. } = line.ended(&transfer, Rang::NoAnswer, None).await else { panic!("back") };
        let back = answer.back.unwrap();
        assert_eq!(back.phrase, Phrase::NobodyThere);
        assert!(back.facts.contains("put them through to a colleague"), "no address is told: {}", back.facts);
        // The caller hangs up on the colleague.
        let transfer = line.taken_over().await;
        line.onward().await;
        transfers::taken(&fresh.store, at(1), &transfer.id, &line.account).await.unwrap();
        let (store, id, rang) = (&fresh.store, &transfer.id, Rang::Answered);
        let after = transfers::ended(store, at(2), id, &line.account, rang, Some(true), true).await.unwrap();
        assert!(matches!(after, After::Over { state: TransferState::Connected, .. }), "{after:?}");
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!(kept.record.outcome, Some(Outcome::Transferred));
    }

    async fn a_caller_who_hangs_up_while_it_rings_has_left(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let transfer = line.pass_on().await;
        line.onward().await;
        calls::status(&fresh.store, at(1), &line.sid().await, CallState::Completed).await.unwrap();
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!(kept.record.outcome, Some(Outcome::CallerLeft));
        assert_eq!(kept.transfers[0].state, TransferState::Cancelled);
        // News that come late put it right.
        line.ended(&transfer, Rang::Answered, Some(true)).await;
        let kept = calls::load(&fresh.store, &line.practice.tenant.id, &line.call).await.unwrap();
        assert_eq!(kept.record.outcome, Some(Outcome::Transferred), "what the carrier says of the two counts");
    }

    async fn whether_somebody_took_the_call_stands_with_it_and_finds_it(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let found = async |taken: bool| {
            let filter = CallFilter { passed_on: Some(taken), ..CallFilter::default() };
            let mut tx = line.store.read(&line.practice.tenant.id).await.unwrap();
            tx.calls().page(&filter, None, 10).await.unwrap().items.len()
        };
        let transfer = line.pass_on().await;
        line.onward().await;
        assert_eq!((found(true).await, found(false).await), (0, 0), "nobody knows yet");
        line.ended(&transfer, Rang::NoAnswer, None).await;
        assert_eq!((found(true).await, found(false).await), (0, 1));
        let transfer = line.pass_on().await;
        line.onward().await;
        transfers::taken(&fresh.store, at(1), &transfer.id, &line.account).await.unwrap();
        line.ended(&transfer, Rang::Answered, Some(true)).await;
        assert_eq!((found(true).await, found(false).await), (1, 0), "once taken, it was taken");
        let prices = Config::read(None, []).unwrap().twilio.prices();
        while analytics::count_due(&fresh.store, &prices).await.unwrap() > 0 {}
        let by = Actor::new(line.practice.tenant.id.clone(), Who::System("test"));
        let wanted = Wanted { from: Some(date(2026, 3, 1)), until: Some(date(2026, 3, 31)), ..Wanted::default() };
        let report = analytics::report(&fresh.store, &by, at(60), &wanted).await.unwrap();
        assert_eq!((report.total.transfers_taken, report.total.transfers_missed), (1, 1));
        assert_eq!(report.assistants[0].1.transfers_taken, 1, "also by assistant");
    }

    async fn another_account_cannot_speak_of_a_transfer(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let transfer = line.pass_on().await;
        line.onward().await;
        let (store, id, other) = (&fresh.store, &transfer.id, "AC00000000000000000000000000000bad");
        assert!(transfers::announcement(store, id, other).await.unwrap().is_none());
        assert!(transfers::taken(store, at(1), id, other).await.unwrap().is_none());
        let after = transfers::ended(store, at(1), id, other, Rang::Busy, None, false).await.unwrap();
        assert!(matches!(after, After::Unknown));
        assert_eq!(line.transfers().await[0].state, TransferState::Ringing);
    }

    async fn what_is_said_on_a_later_stream_stands_behind_what_was_said_before(fresh: Fresh) {
        let line = Line::open(&fresh.store).await;
        let tenant = &line.practice.tenant.id;
        for (stream, outcome, cost) in [(0, Outcome::Transferred, 5), (1, Outcome::AgentLeft, 7), (1, Outcome::AgentLeft, 7)] {
            let finished = calls::Finished {
                answered: Some(at(0)),
                cost: MicroUsd(cost),
                turns: vec![turn(0), turn(1)],
                stream,
                ..calls::Finished::without_words(outcome, at(3))
            };
            calls::finished(&fresh.store, tenant, &line.call, &finished).await.unwrap();
            let kept = calls::load(&fresh.store, tenant, &line.call).await.unwrap();
            let over = outcome != Outcome::Transferred;
            assert_eq!(kept.record.outcome.is_some(), over, "passed on is not over");
        }
        let kept = calls::load(&fresh.store, tenant, &line.call).await.unwrap();
        let ordinals: Vec<u32> = kept.turns.iter().map(|turn| turn.ordinal).collect();
        assert_eq!(ordinals, [0, 1, 2, 3], "told twice, kept once");
        assert_eq!(kept.record.cost, MicroUsd(12));
    }
}

#[test]
fn the_model_is_told_of_the_people_it_may_pass_callers_on_to_and_of_no_number() {
    let practice = Practice::named("specs");
    let winter = target("winter", "Dr. Winter", None);
    let all = specs(&practice.assistant, &[], std::slice::from_ref(&winter), Language::English);
    let transfer = all.iter().find(|spec| spec.name == ToolName::Transfer.as_str()).unwrap();
    assert_eq!(transfer.parameters["properties"]["to"]["enum"], json!(["Dr. Winter"]));
    assert!(!transfer.parameters.to_string().contains(winter.number.as_str()));
    let nobody = specs(&practice.assistant, &[], &[], Language::English);
    assert!(nobody.iter().all(|spec| spec.name != ToolName::Transfer.as_str()));
}

#[test]
fn a_target_is_open_within_its_hours_and_says_when_it_will_be() {
    let zone = "Europe/Berlin".parse().unwrap();
    // Eight o'clock on a Monday, in the practice's zone.
    let winter = target("winter", "Dr. Winter", Some(monday("09:00", "12:00")));
    assert!(!winter.open(at(0), &zone) && winter.open(at(60), &zone) && !winter.open(at(240), &zone));
    assert_eq!(winter.opens(at(0), &zone), Some(at(60)));
    assert_eq!(winter.opens(at(60), &zone), None, "it is open");
    assert_eq!(winter.opens(at(240), &zone), Some(at(60 + 7 * 24 * 60)), "a week later");
    let asleep = TransferTarget { active: false, hours: None, ..winter };
    assert!(!asleep.open(at(60), &zone) && asleep.opens(at(60), &zone).is_none());
}

fn monday(opens: &str, closes: &str) -> Schedule {
    let mut schedule = Schedule::default();
    schedule.week[0] = vec![Window { opens: opens.parse().unwrap(), closes: closes.parse().unwrap() }];
    schedule
}

fn target(id: &str, name: &str, hours: Option<Schedule>) -> TransferTarget {
    TransferTarget {
        id: format!("tgt_{id}").parse().unwrap(),
        name: name.to_owned(),
        number: "+493055501230".parse().unwrap(),
        description: "Medizinische Fragen.".to_owned(),
        hours,
        announced: true,
        active: true,
    }
}

fn turn(ordinal: u32) -> frontdesk::domain::conversation::Turn {
    frontdesk::domain::conversation::Turn {
        ordinal,
        speaker: frontdesk::domain::conversation::Speaker::Caller,
        began: Default::default(),
        ended: Default::default(),
        text: "ja".to_owned(),
        heard_text: "ja".to_owned(),
        generated_ms: 0,
        heard_ms: 0,
        interrupted: false,
        first_audio_ms: None,
        confidence: None,
    }
}

/// A call at a practice where Dr. Winter can be reached at any time and the reception from Tuesday on.
struct Line {
    practice: Practice,
    store: Store,
    call: CallId,
    account: String,
    toolbox: Arc<Toolbox>,
    winter: TransferTarget,
    asked: AtomicU32,
}

impl Line {
    async fn open(store: &Store) -> Self {
        let mut practice = Practice::open(store, "praxis").await;
        let winter = target("winter", "Dr. Winter", None);
        let mut schedule = monday("09:00", "12:00");
        schedule.week.swap(0, 1);
        let reception = target("reception", "Anmeldung", Some(schedule));
        practice.assistant.transfers = vec![winter.id.clone(), reception.id.clone()];
        let mut tx = store.begin(&practice.tenant.id).await.unwrap();
        tx.transfer_targets().put(&winter).await.unwrap();
        tx.transfer_targets().put(&reception).await.unwrap();
        tx.assistants().put(&practice.assistant, MONDAY_8, "system:test").await.unwrap();
        tx.commit().await.unwrap();
        let call = practice.call(store, 0).await;
        let context = CallContext {
            tenant: practice.tenant.clone(),
            call: call.clone(),
            assistant: Arc::new(practice.assistant.clone()),
            language: Language::German,
            caller: practice.contact.number.clone(),
            attested: false,
        };
        let toolbox = Arc::new(Toolbox::new(context, store, Clock::showing(MONDAY_8)));
        let record =
            store.read(&practice.tenant.id).await.unwrap().calls().get(&call).await.unwrap().unwrap();
        let found = store.across_tenants().call_account(&record.sid).await.unwrap();
        let (_, account) = found.unwrap();
        Self { practice, store: store.clone(), call, account, toolbox, winter, asked: AtomicU32::new(0) }
    }

    /// What the tool answers, and whether the caller is passed on.
    async fn ask(&self, arguments: Value) -> (Value, bool) {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        let request =
            Request { id: id.to_string(), name: "transfer".to_owned(), arguments: arguments.to_string() };
        let Answer { output, passes_on, .. } = self.toolbox.run(request).await;
        (serde_json::from_str(&output).unwrap(), passes_on)
    }

    /// Has the caller passed on to Dr. Winter.
    async fn pass_on(&self) -> Transfer {
        self.ask(json!({ "to": "Dr. Winter", "wish": "Fragt nach einem Befund." })).await;
        let done = self.ask(json!({ "to": "Dr. Winter", "wish": "Befund", "confirmed": true })).await;
        assert!(done.1, "{}", done.0);
        self.transfers().await.pop().unwrap()
    }

    /// Has a colleague take the call over at a telephone of hers.
    async fn taken_over(&self) -> Transfer {
        let user = "usr_1".parse().unwrap();
        let by = Actor::new(self.practice.tenant.id.clone(), Who::Member { user, role: Role::Member });
        let wanted = TakeOver { telephone: Some("0151 12345678"), keep: false };
        transfers::take_over(&self.store, &by, MONDAY_8, &self.call, wanted, true).await.unwrap()
    }

    async fn transfers(&self) -> Vec<Transfer> {
        let mut tx = self.store.read(&self.practice.tenant.id).await.unwrap();
        tx.transfers().of_call(&self.call).await.unwrap()
    }

    async fn sid(&self) -> frontdesk::domain::conversation::CallSid {
        let mut tx = self.store.read(&self.practice.tenant.id).await.unwrap();
        tx.calls().get(&self.call).await.unwrap().unwrap().sid
    }

    async fn onward(&self) -> Onward {
        transfers::onward(&self.store, MONDAY_8, &self.sid().await).await.unwrap()
    }

    async fn ended(&self, transfer: &Transfer, rang: Rang, bridged: Option<bool>) -> After {
        let id = &transfer.id;
        transfers::ended(&self.store, at(2), id, &self.account, rang, bridged, false).await.unwrap()
    }
}
