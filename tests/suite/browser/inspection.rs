//! The inspection of a page, inspected: it finds nothing on a page that is as it must be, and on one that is not
//! every single thing.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    Router,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    routing::get,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::support::browser::{Browser, Manner, inspect};

/// What must be said of the page that is wrong in every way, in the order in which it is looked for.
const FAULTS: &[&str] = &[
    "browser log: .*Content Security Policy",
    "browser log: .*missing.png",
    "bytes: the page weighs",
    "structure: there are 2 headings of the first level",
    "structure: the heading “Too deep” skips from level 1 to 3",
    "structure: the id twice is given 2 times",
    "structure: the page says it is in “de” instead of “en”",
    "structure: the page has no title",
    "structure: there are 2 main parts",
    "structure: <nav> has no name",
    "structure: what is reached first is",
    "structure: <table> has no caption",
    "structure: the column head “Day” of <table> has no scope",
    "structure: <button id=first> is pushed to the front",
    "structure: <img> has no text in its place",
    "structure: <svg> has neither a name",
    "structure: <input id=mail> refers with aria-describedby to gone",
    "structure: two links are called “Open”",
    "structure: <button id=misnamed> shows “save” and is called “Discard”",
    "structure: 2 regions speak up as polite",
    "names: a button has no name: <button> .*nameless",
    "contrast, light: the text “Hard to read” of <p class=pale>",
    "contrast, light: the text “On a picture” stands on a picture",
    "contrast, light: the edge of <input id=edgeless>",
    "contrast, dark: the text “Hard to read at night”",
    "fields: the letters in <input id=unlabelled> are 13",
    "fields: <input id=unlabelled> has no label",
    "fields: <input id=unlabelled> takes a telephone number",
    "fields: <input id=mail> does not say what may be filled in",
    "fields: <input id=mail> is marked as wrong, and nothing above says so",
    "fields: something was refused, and the title",
    "targets: <a id=small> “·” is 10.00 × 10.00",
    "keyboard: <button id=ringless> “Without a ring” does not show that it has the focus",
    "keyboard: the ring around <button id=covered> “Covered” has a contrast of",
    "keyboard: <button id=covered> “Covered” is covered",
    "keyboard: the focus goes from <button id=upper> “Second seen” back up to <button id=lower>",
    "reflow: at 320 pixels the page is .* wide: .*<p id=wide>",
    "targets on a telephone: <button id=ringless> .* instead of 44",
    "text: letters grow from 14 to 14",
    "text, spaced: <p class=cut> cuts",
    "text, longer: <p class=tight> cuts",
    "motion: <p id=moving> moves",
];

#[tokio::test]
async fn nothing_is_found_on_a_page_that_is_as_it_must_be() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/good")).await;
    assert_eq!(inspect(&browser).await, Vec::<String>::new());
    assert_eq!(inspect(&browser).await, Vec::<String>::new(), "looking at it changes nothing");
}

#[tokio::test]
async fn everything_is_found_on_a_page_that_is_wrong_in_every_way() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/bad")).await;
    let found = inspect(&browser).await;
    let missed: Vec<&&str> =
        FAULTS.iter().filter(|fault| !found.iter().any(|said| fits(said, fault))).collect();
    assert!(missed.is_empty(), "not found: {missed:#?}\nfound: {found:#?}");
}

#[tokio::test]
async fn a_form_is_filled_in_and_sent() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/form")).await;
    browser.fill("input", "Anna Weber").await;
    browser.fill("input", "Berta Kühn").await;
    browser.press_named("Send").await;
    browser.until_says("sent").await;
    assert_eq!(browser.place().await, "/form?name=Berta+K%C3%BChn");
}

#[tokio::test]
async fn a_microphone_hears_what_it_is_given_and_nothing_without_leave() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/sound/key-5.wav");
    let sound = std::fs::read(file).unwrap();
    let manner = Manner::hearing("en", frontdesk::audio::wav::mulaw(&sound).unwrap());
    let Some(browser) = Browser::open(manner).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/ears")).await;
    browser.press("button").await;
    browser.until_says("heard").await;
    drop(browser);
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    browser.go(&format!("http://{address}/ears")).await;
    browser.press("button").await;
    browser.until_says("NotFoundError").await;
}

#[tokio::test]
async fn a_page_is_asked_for_in_its_readers_language_and_works_without_scripts() {
    let Some(browser) = Browser::open(Manner::reading("de")).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/told")).await;
    assert_eq!(browser.text("p").await, "de");
    assert_eq!(browser.text("h1").await, "with scripts");
    browser.zone("America/New_York").await;
    assert_eq!(browser.ask("new Date(0).getHours()").await, 19);
    browser.scripts(false).await;
    browser.go(&format!("http://{address}/told")).await;
    assert_eq!(browser.text("h1").await, "without");
}

#[tokio::test]
async fn pictures_of_a_page_are_taken_light_and_dark_on_a_phone_and_on_a_desk() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let (address, _running) = samples().await;
    browser.go(&format!("http://{address}/good")).await;
    browser.pictures("sample").await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    let taken = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(taken("sample-en-phone-light.png").starts_with(b"\x89PNG"));
    assert_ne!(taken("sample-en-desk-light.png"), taken("sample-en-desk-dark.png"));
}

/// Whether the words of a sentence stand in it in their order; `.*` is whatever lies between.
fn fits(said: &str, wanted: &str) -> bool {
    let mut rest = said;
    wanted.split(".*").enumerate().all(|(at, piece)| {
        let found = rest.find(piece).filter(|found| at > 0 || *found == 0);
        found.inspect(|found| rest = &rest[found + piece.len()..]).is_some()
    })
}

/// A server of the sample pages, behind a policy as strict as the console's.
async fn samples() -> (SocketAddr, DropGuard) {
    const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'";
    const CSS: [(axum::http::HeaderName, &str); 1] = [(CONTENT_TYPE, "text/css")];
    let page = |html: &'static str| {
        get(move || async move {
            ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], html)
        })
    };
    let told = |headers: axum::http::HeaderMap| async move {
        let language = headers["accept-language"].to_str().unwrap().to_owned();
        let script = "<script src=/told.js></script>";
        let html = format!("<!doctype html><title>t</title><h1>without</h1><p>{language}</p>{script}");
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], html)
    };
    let script = "document.querySelector('h1').textContent = 'with scripts'";
    let ears = "document.querySelector('button').onclick = async () => {
        const say = (words) => { document.querySelector('p').textContent = words; };
        try {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
            const context = new AudioContext();
            const ear = context.createAnalyser();
            context.createMediaStreamSource(stream).connect(ear);
            const wave = new Float32Array(ear.fftSize);
            const listen = () => {
                ear.getFloatTimeDomainData(wave);
                if (Math.max(...wave) > 0.05) say('heard'); else requestAnimationFrame(listen);
            };
            listen();
        } catch (error) { say(error.name); }
    };";
    let routes = Router::new()
        .route(
            "/ears",
            page(
                "<!doctype html><title>t</title><button>Listen</button><p></p><script src=/ears.js></script>",
            ),
        )
        .route("/ears.js", get(move || async move { ([(CONTENT_TYPE, "text/javascript")], ears) }))
        .route(
            "/form",
            page(
                "<!doctype html><title>t</title><form><input name=name><button>Send</button></form>
            <p></p><script src=/form.js></script>",
            ),
        )
        .route(
            "/form.js",
            get(|| async {
                (
                    [(CONTENT_TYPE, "text/javascript")],
                    "if (location.search) document.querySelector('p').textContent = 'sent';",
                )
            }),
        )
        .route("/good", page(include_str!("good.html")))
        .route("/good.css", get(move || async move { (CSS, include_str!("good.css")) }))
        .route("/bad", page(include_str!("bad.html")))
        .route("/bad.css", get(move || async move { (CSS, include_str!("bad.css")) }))
        .route("/heavy.css", get(move || async move { (CSS, format!("/*{}*/", "·".repeat(50_000))) }))
        .route("/told", get(told))
        .route("/told.js", get(move || async move { ([(CONTENT_TYPE, "text/javascript")], script) }));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let leaving = CancellationToken::new();
    let until = leaving.clone().cancelled_owned();
    TaskTracker::new().spawn(async move {
        axum::serve(listener, routes).with_graceful_shutdown(until).await.unwrap();
    });
    (address, leaving.drop_guard())
}
