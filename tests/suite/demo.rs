//! Whole calls: the real server between the stand-ins, as `frontdesk demo` plays them.

use std::{
    collections::BTreeSet, io::Read, num::NonZero, process::Command, sync::LazyLock,
    thread::available_parallelism, time::Duration,
};

use frontdesk::{
    app::{
        access::{Actor, Who},
        voicemail,
    },
    domain::{
        assistant::Language,
        calendar::Vendor,
        conversation::{Direction, Outcome, Speaker, Turn},
        money::MicroUsd,
        phrases::Phrase,
    },
    platform::{blobs::BlobName, clock::Clock},
    sim::{
        openai::{Manners, Mishap, Transcription},
        scenario::{self, Scenario},
        stage::{self, Played, Stage, Wanted},
        twilio::{Conditions, StreamEnd},
    },
};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{shapes::check_all, support::specs};

/// How many times as fast as life: a frame every seven milliseconds, which a busy machine keeps up with.
pub const PACE: u32 = 3;

/// Hurried calls must not take the machine from one another: as many at a time as it has processors.
pub static A_CALL: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZero::get)));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_interrupts_listens_and_is_given_the_second_time_offered_in_german() {
    let played = play("book", Language::German, |_| ()).await;
    booked_and_told_the_truth(&played);
    every_message_had_the_published_shape(&played);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_interrupts_listens_and_is_given_the_second_time_offered_in_english() {
    let played = play("book", Language::English, |_| ()).await;
    booked_and_told_the_truth(&played);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_who_is_known_by_number_and_name_moves_an_appointment() {
    let played = play("move", Language::German, |_| ()).await;
    all_is_well(&played);
    assert_eq!(played.report.stream_end, Some(StreamEnd::ServerHungUp), "goodbye was heard, then it hung up");
    assert_eq!(played.report.said, [], "and Twilio had nothing to apologise for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_cancels_after_having_been_asked_whether_really() {
    let played = play("cancel", Language::English, |_| ()).await;
    all_is_well(&played);
    let asked = played.tool_calls.iter().filter(|call| call.name == "cancel_appointment");
    assert_eq!(asked.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_who_is_reminded_by_a_call_moves_the_appointment_in_the_calendar_too() {
    let played = play("reminder", Language::German, |wanted| wanted.calendar = Some(Vendor::Google)).await;
    all_is_well(&played);
    let call = played.call.as_ref().unwrap();
    assert_eq!(call.direction, Direction::Outbound);
    let first = &played.turns[0];
    assert_eq!(first.speaker, Speaker::Agent);
    for said in ["automatische Assistent", "Praxis Dr. Sommer", "Neun"] {
        assert!(
            first.heard_text.contains(said),
            "who calls, what it is and how to stop it is said: {}",
            first.heard_text
        );
    }
    assert!(!first.heard_text.contains("Termin"), "and nothing of why");
    let asked: Vec<&str> = played.tool_calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(asked, ["my_appointments", "find_slots", "move_appointment"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_free_nothing_is_booked() {
    let played = play("no-free-time", Language::English, |_| ()).await;
    all_is_well(&played);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_says_nothing_is_asked_twice_and_bidden_goodbye() {
    let played = play("silent", Language::German, |_| ()).await;
    all_is_well(&played);
    assert_eq!(said_by(&played, Speaker::Agent).len(), 4, "opening, two questions, goodbye");
    assert!(played.report.duration.as_secs() < 60);
    assert_eq!(played.report.caller_sound.iter().filter(|byte| **byte != 0xff).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answering_machine_is_told_who_called_and_nothing_of_why() {
    for language in Language::ALL {
        let played = play("voicemail", language, |_| ()).await;
        all_is_well(&played);
        let [said] = &played.report.said[..] else { panic!("one message: {:?}", played.report.said) };
        let contact = played.contact.as_ref().unwrap();
        for private in [contact.name.as_str(), "Kontrolle", "check-up", "Termin", "appointment"] {
            assert!(!said.words.contains(private), "{private} is not for whoever plays the machine");
        }
        assert!(!played.agreed, "and a machine has agreed to nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_and_an_echo_cost_no_appointment() {
    let played = play("book", Language::German, |wanted| {
        wanted.conditions = Conditions {
            jitter_ms: 60,
            lose_every: 97,
            repeat_every: 53,
            echo: Some((150, 0.3)),
            noise_db: Some(-58.0),
            ..Conditions::default()
        };
    })
    .await;
    all_is_well(&played);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_recorded_openings_and_without_the_callers_words_the_call_goes_on() {
    let played = play("cancel", Language::German, |wanted| {
        wanted.clips = false;
        wanted.manners = Manners { transcription: Transcription::Fails, ..Manners::default() };
    })
    .await;
    all_is_well(&played);
}

#[tokio::test]
async fn the_command_shows_the_call_as_it_was_and_its_exit_code_is_the_verdict() {
    let _alone = A_CALL.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command.args(["demo", "--fast", "--lang", "en", "--scenario", "cancel", "--data"]).arg(folder.path());
    // Whatever is configured for a real server is none of the demo's business.
    command.env("FRONTDESK__HTTP__BIND", "nowhere").env("DATABASE_URL", "postgres://nobody@nowhere/nothing");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    for what in [
        "Caller  I need to cancel my appointment.",
        "Agent   Your appointment is cancelled.",
        "→ cancel_appointment",
        "ms after the caller's last",
        "(cancelled) check-up, Tuesday",
        "for Erica Miller",
        "Cost              $0.0",
    ] {
        assert!(shown.contains(what), "{what:?} is not in\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "no colour where nobody looks");
    let path = shown.lines().find_map(|line| line.strip_prefix("Recording         ")).unwrap();
    assert!(std::path::Path::new(path).is_file(), "{path}");
}

#[tokio::test]
async fn a_caller_who_wants_a_person_is_announced_and_connected() {
    for language in Language::ALL {
        let played = play("transfer", language, |_| {}).await;
        all_is_well(&played);
        let [rung] = &played.report.rung[..] else { panic!("one is rung") };
        let heard: Vec<&str> = rung.heard.iter().map(|said| said.words.as_str()).collect();
        assert!(heard[0].contains("Rechnung") || heard[0].contains("bill"), "{heard:?}");
        assert_eq!(heard[1], Phrase::PressToTake.words(language));
        let last = said_by(&played, Speaker::Agent).pop().unwrap();
        assert_eq!(last.heard_text, Phrase::PassingOn.words(language), "heard before the line is let go of");
        assert_eq!(played.report.said, [], "Twilio had nothing to say to the caller by itself");
    }
}

#[tokio::test]
async fn a_caller_whom_nobody_takes_is_back_with_an_agent_who_knows() {
    for name in ["transfer-busy", "transfer-no-answer"] {
        let played = play(name, Language::German, |_| {}).await;
        all_is_well(&played);
        let heard: Vec<&str> =
            said_by(&played, Speaker::Agent).iter().map(|turn| turn.heard_text.as_str()).collect();
        assert!(heard.contains(&Phrase::NobodyThere.words(Language::German)), "{heard:?}");
        let ordinals: Vec<u32> = played.turns.iter().map(|turn| turn.ordinal).collect();
        assert_eq!(ordinals, (0..u32::try_from(ordinals.len()).unwrap()).collect::<Vec<_>>(), "one record");
        assert!(played.turns.is_sorted_by_key(|turn| turn.began), "in the call's own time");
        assert_eq!(played.report.said, [], "never dead air, never an apology");
    }
}

#[tokio::test]
async fn a_caller_whose_agent_breaks_down_can_leave_a_message_that_is_kept_and_written_down() {
    let _alone = A_CALL.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario::named("cancel", Language::German).unwrap();
    let wanted = wanted(&scenario, folder.path());
    let mut stage = Stage::set(scenario, wanted).await.unwrap();
    let words = "Ich muss meinen Termin absagen.";
    stage.dial.message = Some(stage.voice.caller(Language::German, words).unwrap());
    // The first response only reports what the caller agreed to.
    stage.openai.go_wrong([Mishap::None, Mishap::Close(Duration::from_millis(300), Some(1011))]);
    let played = stage.play().await.unwrap();
    let said: Vec<&str> = played.report.said.iter().map(|said| said.words.as_str()).collect();
    let phrases = [Phrase::Trouble, Phrase::LeaveMessage, Phrase::MessageThanks];
    assert_eq!(said, phrases.map(|phrase| phrase.words(Language::German)));
    let call = played.call.unwrap();
    assert_eq!(call.outcome, Some(Outcome::Degraded));
    let store = &stage.server.store;
    let watch = Clock::system().stopwatch();
    let message = loop {
        let mut tx = store.read(&stage.tenant.id).await.unwrap();
        let messages = tx.messages().of_call(&call.id).await.unwrap();
        drop(tx);
        let [message] = &messages[..] else { panic!("one message, told twice: {messages:?}") };
        if !message.text.is_empty() {
            break message.clone();
        }
        assert!(watch.elapsed() < Duration::from_secs(30), "it is not written down: {message:?}");
        Clock::system().sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((message.text.as_str(), message.number), (words, call.from));
    let lies = message.spoken.unwrap().blob.unwrap();
    let lies = stage.server.blobs.get(&BlobName::new(lies).unwrap()).unwrap();
    assert!(!lies.starts_with(b"RIFF") && lies.len() > 8_000, "it lies there sealed");
    let (blobs, keys) = (&stage.server.blobs, &stage.server.keys);
    let by = Actor::new(stage.tenant.id.clone(), Who::System("test"));
    let mut heard = vec![];
    voicemail::open(store, blobs, keys, &by, &message.id)
        .await
        .unwrap()
        .tape
        .read_to_end(&mut heard)
        .unwrap();
    assert!(heard.starts_with(b"RIFF") && heard.len() > 8_000, "and whoever may listens");
    let exchange = stage.dial.exchange.as_ref().unwrap();
    assert_eq!(exchange.recordings(), 0, "what is kept here is erased there");
    stage.strike().await;
}

#[test]
fn a_scenario_that_nobody_wrote_is_refused_with_the_ones_there_are() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_frontdesk")).args(["demo", "--scenario", "rob-a-bank"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no-free-time"));
}

/// Plays a scenario with changes to how it is wanted.
async fn play(name: &str, language: Language, change: impl FnOnce(&mut Wanted)) -> Played {
    let _alone = A_CALL.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario::named(name, language).unwrap();
    let mut wanted = wanted(&scenario, folder.path());
    change(&mut wanted);
    let stage = Stage::set(scenario, wanted).await.unwrap();
    let played = stage.play().await.unwrap();
    if let Some(schema) = specs::spec("openai-realtime-events.schema.json") {
        let events = [stage.openai.received(), stage.openai.sent()].concat();
        let (wrong, kinds) = check_all(&schema, "type", &events);
        assert_eq!(wrong, [""; 0]);
        assert!(kinds.contains("session.update"));
    }
    stage.strike().await;
    played
}

fn wanted(scenario: &Scenario, folder: &std::path::Path) -> Wanted {
    Wanted {
        clock: stage::clock(scenario, PACE),
        folder: folder.to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: true,
        calendar: None,
        keep_log: true,
        environment: vec![],
    }
}

/// Nothing is other than it must be; else the whole call is told.
fn all_is_well(played: &Played) {
    let told: Vec<String> = played
        .turns
        .iter()
        .map(|turn| {
            format!("{:?} at {:?}, heard {} ms: {}", turn.speaker, turn.began, turn.heard_ms, turn.heard_text)
        })
        .collect();
    let (end, said) = (&played.report.stream_end, &played.report.said);
    assert!(
        played.problems.is_empty(),
        "{:#?}\nthe stream ended by {end:?} after {:?}, Twilio said {said:?}\n{told:#?}",
        played.problems,
        played.report.duration,
    );
}

/// What was said and heard is what the record says, and it cost something.
fn booked_and_told_the_truth(played: &Played) {
    all_is_well(played);
    let tools: Vec<&str> = played.tool_calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(tools, ["find_slots", "hold_slot", "book"]);
    let offered: Value = serde_json::from_str(played.tool_calls[0].output.as_deref().unwrap()).unwrap();
    let booked: Value = serde_json::from_str(&played.tool_calls[2].arguments).unwrap();
    assert_eq!(booked["slot"], offered["slots"][1]["key"]);

    let agent = said_by(played, Speaker::Agent);
    let opening = agent[0];
    assert!(opening.interrupted && opening.heard_ms < opening.generated_ms, "the opening was cut");
    assert!(opening.text.starts_with(&opening.heard_text) && opening.text != opening.heard_text);
    assert!(!played.report.clears.is_empty(), "and what Twilio had buffered was cleared");
    assert!(agent[1..].iter().all(|turn| !turn.interrupted), "\"mm-hm\" is no interruption");
    let caller = said_by(played, Speaker::Caller);
    assert!(caller.iter().any(|turn| turn.text == "Mm-hm."));

    // Nothing counts as heard that was not played.
    let heard_ms: u64 = agent.iter().map(|turn| turn.heard_ms).sum();
    let played_ms = played.report.agent_sound.len() as u64 / 8;
    assert!(heard_ms <= played_ms, "{heard_ms} ms heard in a call of {played_ms} ms");
    let call = played.call.as_ref().unwrap();
    assert!(call.cost > MicroUsd(0));
}

fn every_message_had_the_published_shape(played: &Played) {
    let Some(schema) = specs::spec("twilio-media-streams.schema.json") else { return };
    let parsed = |texts: &[String]| -> Vec<Value> {
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    };
    let outbound = specs::definition(&schema, "ToTwilio");
    let inbound = specs::definition(&schema, "FromTwilio");
    let (sent, received) = (parsed(&played.report.sent), parsed(&played.report.received));
    for (validator, messages) in [(outbound, &received), (inbound, &sent)] {
        let wrong: Vec<String> = messages.iter().flat_map(|one| specs::errors(&validator, one)).collect();
        assert_eq!(wrong, [""; 0]);
    }
    let kinds: BTreeSet<&str> = received.iter().map(|message| message["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["clear", "mark", "media"]));
}

fn said_by(played: &Played, speaker: Speaker) -> Vec<&Turn> {
    played.turns.iter().filter(|turn| turn.speaker == speaker).collect()
}
