//! A test call in a browser: its page hears a caller who speaks when the assistant has spoken, and plays what it says.
//!
//! That the page hears Chromium's own microphone is for `browser::inspection` to see.

use frontdesk::{
    audio::g711,
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::Conditions,
    },
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::browser::{Browser, Manner, inspect};

/// A microphone by which a test speaks, and when something was last to be heard of the assistant.
const MICROPHONE: &str = "
    let line = null;
    navigator.mediaDevices.getUserMedia = async () => {
        const context = new AudioContext();
        line = { context, mouth: context.createMediaStreamDestination() };
        return line.mouth.stream;
    };
    window.say = (samples) => {
        const buffer = line.context.createBuffer(1, samples.length, 8000);
        buffer.getChannelData(0).set(samples.map((sample) => sample / 32768));
        const source = line.context.createBufferSource();
        source.buffer = buffer;
        source.connect(line.mouth);
        source.start();
    };
    window.spoken = 0;
    window.loud = performance.now();
    setInterval(() => {
        if (document.querySelector('#try-agent').value > 0.01) window.loud = performance.now();
    }, 40);";
/// How long somebody waits for the assistant to answer, in seconds: it may say a few sentences before it is silent.
const ANSWER_SECONDS: u64 = 60;
/// What the scenario's caller says while the assistant speaks; here nobody does.
const LISTENS: &str = "Mm-hm.";

async fn stage(clock: Clock) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock,
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: vec![],
    };
    let scenario = scenario::named("book", Language::German).unwrap();
    (Stage::set(scenario, wanted).await.unwrap(), folder)
}

/// Signed in at the practice, at the page of its assistant.
async fn at_the_assistant(stage: &Stage, browser: &Browser) {
    let (email, password) = stage.owner().await.unwrap();
    browser.go(&format!("http://{}/console/entry/login?next=/console/assistants", stage.server.addr)).await;
    browser.fill("#email", email).await;
    browser.fill("#password", &password).await;
    browser.press("main form button").await;
    browser.until("the assistants are shown", "document.querySelector('main table a')").await;
    browser.press("main table a").await;
    browser.until("the assistant is shown", "document.querySelector('#try-start')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_books_in_a_test_call_keeps_it_and_finds_it_in_the_call() {
    let Some(browser) = Browser::open(Manner::reading("de")).await else { return };
    let (stage, _folder) = stage(Clock::system()).await;
    at_the_assistant(&stage, &browser).await;
    browser.run(MICROPHONE, vec![]).await;
    browser.press("#try-start").await;
    browser.until("the line is open", "!document.querySelector('#try-end').hidden").await;
    let booked = "[...document.querySelectorAll('#try-log .tool')].some(it => it.innerText.includes('Termin gebucht'))";
    for words in stage.scenario.sayings().filter(|words| *words != LISTENS) {
        let answered = "document.querySelectorAll('#try-log .turn.agent').length > window.spoken \
                        && performance.now() - window.loud > 1000";
        browser.patiently_until("the assistant has spoken", answered, ANSWER_SECONDS).await;
        if browser.ask(booked).await == true {
            break;
        }
        let sound = stage.voice.caller(stage.scenario.language, words).unwrap();
        let samples: Vec<i16> = sound.iter().map(|byte| g711::decode(*byte)).collect();
        let speak = "window.spoken = document.querySelectorAll('#try-log .turn.agent').length; window.say(arguments[0]);";
        browser.run(speak, vec![json!(samples)]).await;
    }
    browser.until("the caller is heard", "document.querySelector('#try-log .turn.caller')").await;
    browser.picture("test-call-de-desk").await;
    assert_eq!(browser.ask(booked).await, true, "{}", browser.text("#try-log").await);
    browser.press("#try-keep").await;
    browser.until_says("Was dieses Gespräch bucht, bleibt.").await;
    browser.press("#try-end").await;
    browser.until_says("Der Probeanruf ist zu Ende.").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let call = browser.ask("document.querySelector('#try-call').pathname.split('/').pop()").await;
    let call = call.as_str().unwrap().parse().unwrap();
    let kept = frontdesk::app::calls::load(&stage.server.store, &stage.tenant.id, &call).await.unwrap();
    assert!(kept.record.test.is_some_and(|test| test.kept.is_some()));
    assert_eq!(kept.appointments.len(), 1, "the appointment stays");
    assert_eq!(stage.openai.faults().all(), Vec::<String>::new());
    drop(browser);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_microphone_or_without_leave_somebody_is_told_so_plainly() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let (stage, _folder) = stage(Clock::system()).await;
    at_the_assistant(&stage, &browser).await;
    browser.press("#try-start").await;
    browser.until_says("There is no microphone that can be used.").await;
    let calls = stage.server.store.read(&stage.tenant.id).await.unwrap().calls().latest(1).await.unwrap();
    assert_eq!(calls.len(), 0, "no call was begun");
    // As if the reader had said no when asked.
    browser
        .run("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };", vec![])
        .await;
    browser.press("#try-start").await;
    browser.until_says("This browser may not use the microphone.").await;
    drop(browser);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_assistants_are_as_pages_must_be_in_both_languages_and_without_scripts() {
    for language in ["de", "en"] {
        let Some(browser) = Browser::open(Manner::reading(language)).await else { return };
        let (stage, _folder) = stage(Clock::system()).await;
        at_the_assistant(&stage, &browser).await;
        let address = browser.ask("location.pathname").await.as_str().unwrap().to_owned();
        browser
            .fill("#instructions", "Sei freundlich.\nSag nie eine Zeit zu, die niemand nachgesehen hat.")
            .await;
        browser.press("form[data-keep] button").await;
        browser.until("the draft is saved", "document.querySelector('#draft')").await;
        let origin = format!("http://{}", stage.server.addr);
        let mut found: Vec<String> = vec![];
        for (name, path) in [
            ("assistants", "/console/assistants".to_owned()),
            ("assistant-draft", address.clone()),
            ("assistant-difference", format!("{address}/difference")),
            ("assistant-versions", format!("{address}/versions")),
        ] {
            browser.go(&format!("{origin}{path}")).await;
            found.extend(inspect(&browser).await.iter().map(|it| format!("{path}: {it}")));
            browser.pictures(name).await;
        }
        assert!(found.is_empty(), "in {language}: {found:#?}");
        browser.scripts(false).await;
        browser.go(&format!("{origin}{address}/difference")).await;
        browser.press("form[action$='/live'] button").await;
        browser
            .until("it is live", "!document.querySelector('#draft') && document.querySelector('#told p')")
            .await;
        assert_eq!(browser.ask("document.querySelector('.try-acts').checkVisibility()").await, false);
        drop(browser);
        stage.strike().await;
    }
}
