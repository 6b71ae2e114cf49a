//! A tenant's first day in a browser: from registration to a call that is answered and an appointment that stands in Today.

use frontdesk::{
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        scenario,
        stage::{Stage, Wanted},
        twilio::Dial,
    },
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    demo::{A_CALL, PACE},
    support::{
        browser::{Browser, DESK, Manner, PHONE, inspect},
        office::PASSWORD,
    },
};

/// The number that is for sale.
const NUMBER: &str = "+493055501777";

/// What somebody reads on the way, in their language.
struct Words {
    register: &'static str,
    resource_create: &'static str,
    service_create: &'static str,
    opening: &'static str,
    assistant_create: &'static str,
    draft_save: &'static str,
    make_live: &'static str,
    search: &'static str,
    book: &'static str,
    service: &'static str,
    patient: &'static str,
    no_appointments: &'static str,
}

static GERMAN: Words = Words {
    register: "Konto anlegen",
    resource_create: "Person oder Raum speichern",
    service_create: "Terminart speichern",
    opening: "Praxis Doktor Sommer, guten Tag.",
    assistant_create: "Assistenz anlegen",
    draft_save: "Entwurf speichern",
    make_live: "Aktiv schalten",
    search: "Freie Nummern suchen",
    book: "Termin buchen",
    service: "Kontrolle",
    patient: "Erika Mustermann",
    no_appointments: "Heute steht kein Termin an.",
};

static ENGLISH: Words = Words {
    register: "Register",
    resource_create: "Save person or room",
    service_create: "Save service",
    opening: "Doctor Sommer's practice, good morning.",
    assistant_create: "Make assistant",
    draft_save: "Save draft",
    make_live: "Make live",
    search: "Look for free numbers",
    book: "Book appointment",
    service: "check-up",
    patient: "Erica Miller",
    no_appointments: "There is no appointment today.",
};

/// A stage on which nobody has done anything yet but the stand-ins, and where anybody may register.
async fn stage(language: Language) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clips: false,
        environment: vec![("FRONTDESK__RATE_LIMITS__STRANGERS".to_owned(), "100000".to_owned())],
        ..Wanted::plain(Clock::hurried(PACE), folder.path())
    };
    let stage = Stage::set(scenario::named("book", language).unwrap(), wanted).await.unwrap();
    stage.dial.exchange.as_ref().unwrap().offer([NUMBER]);
    (stage, folder)
}

/// Somebody on their way through the console.
struct Day<'a> {
    browser: &'a Browser,
    stage: &'a Stage,
    words: &'static Words,
    language: Language,
    size: (u32, u32),
    /// What was wrong with the pages on the way.
    found: Vec<String>,
}

impl Day<'_> {
    async fn go(&self, path: &str) {
        self.browser.go(&format!("http://localhost:{}{path}", self.stage.server.addr.port())).await;
    }

    /// Fills in a form's fields and sends it with the button of that name; waits until another page says so.
    async fn send(&mut self, fields: &[(&str, &str)], button: &str) {
        for (field, words) in fields {
            let tag = self.browser.ask(&format!("document.getElementById('{field}').localName")).await;
            if tag == "select" {
                self.choose(field, words).await;
            } else {
                self.browser.fill(&format!("#{field}"), words).await;
            }
        }
        let before = self.browser.ask("performance.timeOrigin").await;
        self.browser.press_named(button).await;
        self.browser.until("another page came", &format!("performance.timeOrigin !== {before}")).await;
        self.browser.until("it is there", "document.readyState === 'complete'").await;
        let wrong = self.browser.ask("document.querySelector('#summary')?.innerText ?? ''").await;
        assert_eq!(wrong, "", "{button} at {}", self.browser.place().await);
    }

    async fn choose(&self, field: &str, label: &str) {
        let chosen = "
            const [id, label] = arguments;
            const field = document.getElementById(id);
            const option = [...field.options].find((it) => it.label.includes(label));
            if (!option) return [...field.options].map((it) => it.label).join(', ');
            field.value = option.value;
            return null;";
        let missing = self.browser.run(chosen, vec![json!(field), json!(label)]).await;
        assert!(missing.is_null(), "{field} has no {label}: {missing}");
    }

    /// Ticks what is ticked by a name and, where several are called so, by a label.
    async fn tick(&self, name: &str) {
        let ticked = "
            const [name] = arguments;
            const boxes = [...document.getElementsByName(name)].filter((it) => it.type === 'checkbox');
            boxes.filter((it) => !it.checked).forEach((it) => it.click());
            return boxes.length;";
        let boxes = self.browser.run(ticked, vec![json!(name)]).await;
        assert_ne!(boxes, 0, "nothing to tick is called {name}");
    }

    async fn registers(&mut self) {
        self.go("/").await;
        self.browser.press("a[href='/console/entry/register']").await;
        self.browser.until("the form is there", "document.querySelector('#tenant')").await;
        let email = format!("leitung@{}.example", self.language.code());
        let register = self.words.register;
        // Where it is about noon, so that some of the day is left whenever this is read.
        let hour = Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).hour();
        let zone = format!("Etc/GMT{:+}", hour - 12);
        let written = "document.querySelector('[data-zone]').value = arguments[0];";
        self.browser.run(written, vec![json!(zone)]).await;
        self.send(&[("tenant", "Praxis Doktor Sommer"), ("email", &email), ("password", PASSWORD)], register)
            .await;
        assert_eq!(self.browser.place().await, "/console/start", "what comes first is the first steps");
    }

    async fn says_who_is_there_and_what_can_be_booked(&mut self) {
        self.go("/console/availability/resources/new").await;
        let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| format!("week-{day}"));
        let mut fields = vec![("name", "Dr. Sommer")];
        fields.extend(week.iter().map(|field| (field.as_str(), "0-24")));
        let (resource, service) = (self.words.resource_create, self.words.service_create);
        self.send(&fields, resource).await;
        self.go("/console/availability/services/new").await;
        self.tick("resources").await;
        self.send(&[("names-de", "Kontrolle"), ("names-en", "check-up"), ("duration", "30")], service).await;
    }

    async fn says_how_the_assistant_answers(&mut self) {
        self.go("/console/assistants").await;
        let language = match self.language {
            Language::German => "Deutsch",
            Language::English => "English",
        };
        let fields = [("name", "Empfang"), ("language", language), ("opening", self.words.opening)];
        self.send(&fields, self.words.assistant_create).await;
        self.tick("services").await;
        self.tick("recording").await;
        self.choose("status", if self.language == Language::German { "aktiv" } else { "live" }).await;
        self.send(&[], self.words.draft_save).await;
        if self.browser.ask("!location.pathname.endsWith('/difference')").await == true {
            self.browser.press("#draft a.button").await;
            self.browser.until("the difference is shown", "location.pathname.endsWith('/difference')").await;
        }
        self.send(&[], self.words.make_live).await;
    }

    async fn buys_a_number(&mut self) {
        self.go("/console/numbers/buy").await;
        self.send(&[("country", "DE")], self.words.search).await;
        self.choose("assistant", "Empfang").await;
        let name = self.browser.text("ul.offers button").await;
        self.send(&[], name.trim()).await;
    }

    /// Somebody calls the number, while Today is looked at: it tells by itself, and nobody loads it again.
    async fn is_called(&mut self) {
        self.go("/console/today").await;
        let origin = self.browser.ask("performance.timeOrigin").await;
        let _alone = A_CALL.acquire().await.unwrap();
        let dial = Dial { to: NUMBER.to_owned(), ..self.stage.dial.clone() };
        let mut caller = self.stage.scenario.caller(&self.stage.voice).unwrap();
        let live = "document.querySelector('#live .badge.live')";
        let watched = async {
            let seen = self.browser.comes_true(live, 60).await;
            self.browser.picture(&format!("first-day-live-{}", self.language.code())).await;
            seen && self.browser.comes_true(&format!("!{live}"), 120).await
        };
        let (report, seen) = tokio::join!(dial.place(&mut caller, &self.stage.faults), watched);
        let report = report.unwrap();
        let faults = [self.stage.faults.all(), self.stage.openai.faults().all(), report.undone].concat();
        assert_eq!(faults, Vec::<String>::new(), "{:?}", report.said);
        assert!(seen, "the call is seen in Today while it lasts: {}", self.browser.text("body").await);
        assert_eq!(self.browser.ask("performance.timeOrigin").await, origin, "Today was loaded once");
    }

    /// What the caller booked stands where it has to, with the call.
    async fn finds_what_came_of_it(&mut self) {
        self.go("/console/calls").await;
        self.browser.press("main table a[href^='/console/calls/call_']").await;
        let link = "main a[href^='/console/appointments/apt_']";
        let shown = format!("document.querySelector({})", json!(link));
        self.browser.until("the call leads to what was booked in it", &shown).await;
        self.looks("first-day-call").await;
        self.browser.press(link).await;
        self.browser.until("it is shown", "location.pathname.startsWith('/console/appointments/apt_')").await;
        self.browser.until_says(self.words.patient).await;
        self.browser.until_says(self.words.service).await;
        self.looks("first-day-appointment").await;
    }

    /// Somebody stands at the desk and is given the day's next free time.
    async fn books_for_somebody_who_came(&mut self) {
        self.go("/console/today").await;
        self.browser.until_says(self.words.no_appointments).await;
        self.go("/console/availability").await;
        self.browser.press("main a[href^='/console/availability/services/svc_']").await;
        self.browser.until("free times are shown", "document.querySelector('#free a')").await;
        self.browser.press("#free a").await;
        self.browser.until("the form is there", "document.querySelector('#name')").await;
        self.send(&[("name", "Paula Probe")], self.words.book).await;
        self.go("/console/today").await;
        self.browser.until_says("Paula Probe").await;
        self.looks("first-day-today").await;
    }

    async fn looks(&mut self, page: &str) {
        let found = inspect(self.browser).await;
        self.found.extend(found.into_iter().map(|fault| format!("{page}: {fault}")));
        self.browser.pictures(page).await;
        self.browser.size(self.size).await;
    }
}

/// The first day in that language; somebody calls in it where `called`.
async fn day(language: Language, size: (u32, u32), scripts: bool, called: bool) {
    let (code, words) = match language {
        Language::German => ("de", &GERMAN),
        Language::English => ("en", &ENGLISH),
    };
    let Some(browser) = Browser::open(Manner::reading(code)).await else { return };
    let (stage, _folder) = stage(language).await;
    browser.size(size).await;
    browser.scripts(scripts).await;
    let mut day = Day { browser: &browser, stage: &stage, words, language, size, found: vec![] };
    day.registers().await;
    day.says_who_is_there_and_what_can_be_booked().await;
    day.says_how_the_assistant_answers().await;
    day.buys_a_number().await;
    if called {
        day.is_called().await;
        day.finds_what_came_of_it().await;
    }
    day.books_for_somebody_who_came().await;
    day.go("/console/start").await;
    day.looks("first-day-steps").await;
    let found = day.found;
    assert!(found.is_empty(), "{}", found.join("\n"));
    drop(browser);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_day_in_german_on_a_telephone() {
    day(Language::German, PHONE, true, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_day_in_english_on_a_desk() {
    day(Language::English, DESK, true, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_day_without_scripts() {
    day(Language::German, DESK, false, false).await;
}
