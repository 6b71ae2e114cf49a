//! A browser of one test's own: Chromium without a window, driven through chromedriver.
//!
//! Both live in a process of their own with a profile of their own, and end with the test, also when it fails. It
//! reaches nothing but this machine. Without the programs a test says that it was left out, and under `CI=true` it
//! fails; it never passes silently. [`inspect`] looks at a page as the most careful of its readers would.

mod commands;
mod driver;
mod inspect;
mod keyboard;

use std::{path::PathBuf, time::Duration};

use fantoccini::{
    Client, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    key::Key,
};
use frontdesk::audio::g711;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

pub use self::inspect::inspect;
use self::{commands::Devtools, driver::Driver};

/// How long something may take to become true on a page.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_PERIOD: Duration = Duration::from_millis(40);

/// What the window of a telephone shows, in CSS pixels.
pub const PHONE: (u32, u32) = (390, 844);
/// What one on a desk shows.
pub const DESK: (u32, u32) = (1280, 900);

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What kind of a browser is wanted.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The language its reader prefers, such as `de`.
    pub language: &'static str,
    /// What its microphone hears, again and again, at 8 kHz; without it there is no microphone.
    pub hears: Option<Vec<i16>>,
    /// Whether a page that asks for the microphone gets it.
    pub lets_listen: bool,
}

impl Manner {
    /// Without a microphone.
    pub fn reading(language: &'static str) -> Self {
        Self { language, hears: None, lets_listen: true }
    }

    /// With a microphone that hears that: 8 kHz μ-law.
    pub fn hearing(language: &'static str, sound: &[u8]) -> Self {
        let samples = sound.iter().map(|byte| g711::decode(*byte)).collect();
        Self { hears: Some(samples), ..Self::reading(language) }
    }
}

/// A browser. Dropping it ends its processes.
pub struct Browser {
    client: Client,
    language: &'static str,
    /// Ends before the client's connection does.
    _driver: Driver,
    _turn: SemaphorePermit<'static>,
}

impl Browser {
    /// A browser with an empty page; `None`, after saying so, where there is none. Under `CI=true` that is a failure.
    pub async fn open(manner: Manner) -> Option<Self> {
        let programs = driver::programs()?;
        let turn = driver::turn().await;
        let (driver, client) = Driver::start(&programs, &manner).await;
        let browser = Self { client, language: manner.language, _driver: driver, _turn: turn };
        browser.command("Network.enable", json!({})).await;
        // What is counted is what somebody loads who has never been here.
        browser.command("Network.setCacheDisabled", json!({ "cacheDisabled": true })).await;
        browser.prefer(manner.language).await;
        browser.size(DESK).await;
        browser.scheme(Scheme::Light).await;
        Some(browser)
    }

    /// The language its reader prefers.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Where it is: path and query.
    pub async fn place(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Runs a function's body in the page.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// What an expression is in the page.
    pub async fn ask(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});"), vec![]).await
    }

    /// Waits until an expression holds in the page.
    pub async fn until(&self, what: &str, expression: &str) {
        self.patiently_until(what, expression, PATIENCE.as_secs()).await;
    }

    /// The same for something that takes up to so many seconds.
    pub async fn patiently_until(&self, what: &str, expression: &str, seconds: u64) {
        if !self.comes_true(expression, seconds).await {
            let text = self.text("body").await;
            panic!("waited in vain until {what}; the page at {} says:\n{text}", self.place().await);
        }
    }

    /// Whether an expression holds in the page within so many seconds.
    pub async fn comes_true(&self, expression: &str, seconds: u64) -> bool {
        let waited = tokio::time::timeout(Duration::from_secs(seconds), async {
            // A page that is being left cannot be asked.
            while self.client.execute(&format!("return !!({expression});"), vec![]).await.ok()
                != Some(json!(true))
            {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        });
        waited.await.is_ok()
    }

    /// Waits until a page's text holds some words.
    pub async fn until_says(&self, words: &str) {
        let expression = format!("document.body && document.body.innerText.includes({})", json!(words));
        self.until(&format!("the page says “{words}”"), &expression).await;
    }

    /// The visible text of the first that fits a CSS selector.
    pub async fn text(&self, css: &str) -> String {
        let found = self.client.find(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}")).text().await.unwrap()
    }

    /// Presses the first that fits a CSS selector.
    pub async fn press(&self, css: &str) {
        let found = self.client.find(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}")).click().await.unwrap();
    }

    /// Presses the visible button or link of exactly that text.
    pub async fn press_named(&self, name: &str) {
        let find = "const [name] = arguments;
            const wanted = [...document.querySelectorAll('button, a[href], summary, input[type=submit]')];
            return wanted.filter(it => it.checkVisibility() && (it.innerText || it.value || '').trim() === name)[0] ?? null;";
        let found = self.run(find, vec![json!(name)]).await;
        assert!(!found.is_null(), "nothing to press is called “{name}”");
        let element: fantoccini::elements::Element =
            fantoccini::elements::Element::from_element_id(self.client.clone(), element_id(&found));
        element.click().await.unwrap();
    }

    /// Writes into the first field that fits a CSS selector, in place of what it held.
    pub async fn fill(&self, css: &str, words: &str) {
        let field = self.client.find(Locator::Css(css)).await;
        let field = field.unwrap_or_else(|error| panic!("{css}: {error}"));
        field.clear().await.unwrap();
        field.send_keys(words).await.unwrap();
    }

    /// Presses a key, such as [`Key::Tab`].
    pub async fn key(&self, key: Key) {
        let key = char::from(key);
        let stroke = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        self.client.perform_actions(stroke).await.unwrap();
    }

    /// Types into whatever has the focus.
    pub async fn write(&self, words: &str) {
        let mut strokes = KeyActions::new("keys".to_owned());
        for value in words.chars() {
            strokes = strokes.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(strokes).await.unwrap();
    }

    /// Makes the window's inside that large, in CSS pixels.
    pub async fn size(&self, (width, height): (u32, u32)) {
        let wanted = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", wanted).await;
    }

    /// Whether it is touched rather than pointed at.
    pub async fn touched(&self, touched: bool) {
        self.command("Emulation.setTouchEmulationEnabled", json!({ "enabled": touched })).await;
    }

    /// Prefers light or dark, and motion.
    pub async fn scheme(&self, scheme: Scheme) {
        self.media(scheme, "no-preference").await;
    }

    /// Prefers that nothing moves.
    pub async fn still(&self) {
        self.media(Scheme::Light, "reduce").await;
    }

    async fn media(&self, scheme: Scheme, motion: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme.as_str() },
            { "name": "prefers-reduced-motion", "value": motion },
        ]);
        self.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Prefers a language from the next page on.
    async fn prefer(&self, language: &str) {
        let agent = self.ask("navigator.userAgent").await;
        let wanted = json!({ "userAgent": agent, "acceptLanguage": language });
        self.command("Emulation.setUserAgentOverride", wanted).await;
    }

    /// Reads time in that zone, such as `America/New_York`.
    pub async fn zone(&self, zone: &str) {
        self.command("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    }

    /// Whether pages may run scripts, from the next page on. What a test runs in a page runs all the same.
    pub async fn scripts(&self, on: bool) {
        self.command("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// A command of the DevTools protocol, which WebDriver has no word for.
    pub async fn command(&self, name: &'static str, parameters: Value) -> Value {
        let answer = self.client.issue_cmd(Devtools::Command { name, parameters }).await;
        answer.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What the browser has complained about since it was asked last: errors, refused sources, missing files.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(Devtools::Log).await.unwrap();
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().unwrap().iter().map(message).collect()
    }

    /// Takes a picture of the whole page into the folder of the tests' output, which it names.
    pub async fn picture(&self, name: &str) -> PathBuf {
        self.run("scrollTo(0, 0);", vec![]).await;
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true });
        let answer = self.command("Page.captureScreenshot", wanted).await;
        let picture = base64_simd::STANDARD.decode_to_vec(answer["data"].as_str().unwrap()).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        std::fs::write(&file, picture).unwrap();
        file
    }

    /// Takes pictures of the page it is at: light and dark, as a telephone and as a desk show it. They are named after
    /// the page and the reader's language.
    pub async fn pictures(&self, page: &str) {
        for (size, place) in [(PHONE, "phone"), (DESK, "desk")] {
            self.size(size).await;
            for scheme in [Scheme::Light, Scheme::Dark] {
                // What moves would look different each time.
                self.media(scheme, "reduce").await;
                self.picture(&format!("{page}-{}-{place}-{}", self.language, scheme.as_str())).await;
            }
        }
        self.scheme(Scheme::Light).await;
        self.size(DESK).await;
    }
}

fn element_id(found: &Value) -> fantoccini::elements::ElementRef {
    let id = found.as_object().and_then(|it| it.values().next()).and_then(Value::as_str);
    fantoccini::elements::ElementRef::from(id.unwrap().to_owned())
}
