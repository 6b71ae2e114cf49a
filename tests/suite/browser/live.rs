//! A live call in a browser: words come as they are heard, nothing is taken out of anybody's hands.

use std::time::Duration;

use frontdesk::{
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        caller::Cue,
        openai::Manners,
        scenario::{self, Part, Scenario},
        stage::{Stage, Wanted},
        twilio::Conditions,
    },
};

use crate::support::browser::{Browser, Manner, inspect};

/// A caller who wants the same again and again: the call lasts until somebody ends it, however slow a browser is.
fn somebody_who_goes_on() -> Scenario {
    let mut scenario = scenario::named("cancel", Language::English).unwrap();
    let (wants, answer) = (scenario.caller[1].clone(), scenario.model[1].clone());
    scenario.caller.truncate(1);
    scenario.model.truncate(1);
    // Also to an agent that says nothing, since it was silenced.
    scenario.caller.extend(vec![Part { cue: Cue::After(8_000), ..wants }; 60]);
    scenario.model.extend(vec![answer; 60]);
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_followed_word_by_word_and_nothing_is_taken_out_of_ones_hands() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::system(),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: vec![],
    };
    let mut stage = Stage::set(somebody_who_goes_on(), wanted).await.unwrap();
    stage.dial.limit = Duration::from_secs(600);
    let mut tx = stage.server.store.begin(&stage.tenant.id).await.unwrap();
    let mut tenant = tx.tenant().get().await.unwrap().unwrap();
    tenant.listening_in = true;
    tx.tenant().put(&tenant).await.unwrap();
    tx.commit().await.unwrap();
    let (email, password) = stage.owner().await.unwrap();
    let origin = format!("http://{}", stage.server.addr);
    browser.go(&format!("{origin}/console/entry/login?next=/console/calls")).await;
    browser.fill("#email", email).await;
    browser.fill("#password", &password).await;
    browser.press("main form button").await;
    browser.until("signed in", "location.pathname === '/console/calls'").await;
    let mut notices = stage.server.lines.watch();
    let watching = async {
        let call = notices.recv().await.unwrap().call.clone();
        browser.go(&format!("{origin}/console/calls/{call}")).await;
        let turns = "document.querySelectorAll('#live ol > .turn').length";
        browser.until("somebody is heard", &format!("{turns} > 0")).await;
        assert_eq!(browser.ask("document.querySelector('#live ol').getAttribute('role')").await, "log");
        // Both sides are to be heard by whoever listens, once the caller has heard that somebody may.
        browser
            .until(
                "the caller has heard the first words",
                "document.querySelector('#live ol > .turn.caller')",
            )
            .await;
        let counting = "const Plain = WebSocket; window.tracks = new Set(); \
             window.WebSocket = class extends Plain { constructor(url) { super(url); \
             this.addEventListener('message', ({ data }) => window.tracks.add(JSON.parse(data).media?.track)); } };";
        browser.run(counting, vec![]).await;
        browser.press("#listen-start").await;
        browser.until_says("You are listening.").await;
        browser
            .until("the team sees it", "document.querySelector('#steer').innerText.includes('is listening.')")
            .await;
        browser.until("the caller is heard", "window.tracks.has('inbound')").await;
        browser.until("the agent is heard", "window.tracks.has('outbound')").await;
        browser.press("#listen-stop").await;
        browser.until_says("You are not listening any more.").await;
        // What would be gone if the page were loaded anew, and what somebody is in the middle of.
        browser.run("window.same = true;", vec![]).await;
        browser.run("document.querySelector('#over-telephone').focus();", vec![]).await;
        browser.fill("#over-telephone", "0151 1234").await;
        browser.run("document.querySelector('#over-telephone').setSelectionRange(2, 4);", vec![]).await;
        let held = "document.activeElement.id === 'over-telephone' && document.activeElement.value === '0151 1234' \
                    && document.activeElement.selectionStart === 2 && window.same";
        let before = browser.ask(turns).await.as_u64().unwrap();
        browser.until("more is heard", &format!("{turns} > {before}")).await;
        assert_eq!(browser.ask(held).await, true, "it is as it was left");
        // Somebody else silences the agent: the page shows it, and the caret stays.
        let muted = format!("await fetch('/console/calls/{call}/mute', {{ method: 'POST' }})");
        browser.run(&format!("(async () => {{ {muted}; }})();"), vec![]).await;
        browser
            .until("it is shown", "document.querySelector('#act-mute').form.action.endsWith('/unmute')")
            .await;
        assert_eq!(browser.ask(held).await, true, "it is still as it was left");
        // As somebody meets it who comes only then.
        browser.go(&format!("{origin}/console/calls/{call}")).await;
        browser.run("window.same = true;", vec![]).await;
        let found = inspect(&browser).await;
        assert!(found.is_empty(), "{found:#?}");
        browser.picture("live-call-en-desk").await;
        browser.press("#act-mute").await;
        browser
            .until("it may speak", "document.querySelector('#act-mute').form.action.endsWith('/mute')")
            .await;
        assert_eq!(
            browser.ask("document.activeElement.id").await,
            "act-mute",
            "the focus stays with the button"
        );
        browser.press("#act-end").await;
        browser.until("the call is over", "document.querySelector('#live').hidden").await;
        browser.until("there is nothing to press", "!document.querySelector('#act-end')").await;
        assert_eq!(browser.ask("window.same").await, true, "nothing was loaded anew");
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        call
    };
    let (played, call) = tokio::join!(stage.play(), watching);
    let kept = frontdesk::app::calls::load(&stage.server.store, &stage.tenant.id, &call).await.unwrap();
    assert_eq!(kept.record.outcome.map(|outcome| outcome.as_str()), Some("dismissed"));
    assert!(played.unwrap().report.stream_end.is_some());
    drop(browser);
    stage.strike().await;
}
