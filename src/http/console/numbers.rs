//! `/console/numbers`: the tenant's telephone numbers: look for one, buy it, take over one, say who answers, give it back;
//! and how to forward the practice's own number to it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, post},
};

use super::{
    failure::Failure,
    form::{Form, Typed},
    forwarding::{self, Codes},
    lists,
    page::{Page, show_with},
    visitor::Reader,
    words::Said,
};
use crate::{
    app::{
        self, assistants,
        forwarding::{self as forwarding_tests, Tested},
        numbers::{self, Edit, Ordered},
    },
    domain::{
        assistant::Language,
        forwarding::{Found, Through},
        id::{AssistantId, NumberId},
        org::{HeldNumber, NumberSetup},
        outgoing::Ending,
        people::{Subject, Verb},
        phone::E164,
        time::Timestamp,
    },
    http::Doors,
    telephony::rest::{Kind, Offered},
};

/// Ahead of the field of the line that is tested.
const LINE: &str = "test-";
/// Numbers on the page; a tenant has no more.
const NUMBERS_ON_PAGE: u32 = 200;
/// Assistants to choose from.
const ASSISTANTS_MAX: u32 = 200;
/// Numbers that are to be had on a page.
const OFFERED_ON_PAGE: u32 = 20;

/// The kinds of numbers, by the words they are asked for with.
const KINDS: [(&str, Kind); 3] =
    [("local", Kind::Local), ("mobile", Kind::Mobile), ("toll-free", Kind::TollFree)];

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/numbers", get(list))
        .route("/console/numbers/buy", get(search).post(buy))
        .route("/console/numbers/import", post(import))
        .route("/console/numbers/{number}", get(one).post(edit))
        .route("/console/numbers/{number}/release", post(release))
        .route("/console/numbers/{number}/forwarding", post(test_forwarding))
}

#[derive(Template)]
#[template(path = "numbers/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    rows: Vec<Row>,
    may_write: bool,
    form: Form,
    assistants: Vec<(String, String)>,
}

/// A number in the list.
struct Row {
    held: HeldNumber,
    assistant: Option<String>,
}

/// The assistants by id, with nobody ahead of them.
async fn named(doors: &Doors, reader: &Reader) -> Result<Vec<(String, String)>, Failure> {
    let mut named = vec![(String::new(), reader.t("numbers-nobody").to_string())];
    if reader.may(Verb::Read, Subject::Assistants) {
        let all = assistants::list(&doors.store, &reader.by, None, ASSISTANTS_MAX).await?;
        named.extend(all.items.into_iter().map(|one| (one.id.to_string(), one.name)));
    }
    Ok(named)
}

async fn list_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let held = numbers::list(&doors.store, &reader.by, None, NUMBERS_ON_PAGE).await?;
    let assistants = named(doors, reader).await?;
    let name = |id: &AssistantId| {
        assistants.iter().find(|(one, _)| one == id.as_str()).map(|(_, name)| name.clone())
    };
    let rows = held
        .items
        .into_iter()
        .map(|held| Row { assistant: held.number.assistant.as_ref().and_then(name), held })
        .collect();
    let page =
        Page::new(reader, "/console/numbers", reader.t("nav-numbers"), doors.clock.now()).with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::Numbers);
    let status = form.status;
    show_with(status, &ListPage { page, rows, may_write, form, assistants })
}

async fn list(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default());
    list_page(&doors, &reader, form).await
}

/// Who answers, as it was chosen.
fn chosen(form: &mut Form, name: &str) -> Option<AssistantId> {
    let id = form.typed().maybe(name).map(str::parse);
    match id {
        Some(Ok(id)) => Some(id),
        None => None,
        Some(Err(_)) => {
            let words = form.t("fault-assistant");
            form.fault(name, words);
            None
        }
    }
}

async fn import(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let assistant = chosen(&mut form, "assistant");
    let home = crate::domain::outgoing::hours::country_of(&reader.zone());
    let number = lists::number(form.typed().get("number"), home);
    let Some(number) = number else {
        let words = form.t("fault-number");
        form.fault("number", words);
        return list_page(&doors, &reader, form).await;
    };
    let now = doors.clock.now();
    let language = assistant.is_none().then_some(reader.language);
    match numbers::import(&doors.store, &doors.accounts, &reader.by, now, &number, assistant, language).await
    {
        Ok(kept) => {
            let to = format!("/console/numbers/{}", kept.item.number.id);
            Ok(reader.done(&to, &reader.t("numbers-imported")))
        }
        Err(error) => list_page(&doors, &reader, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "numbers/buy.html", config = ".askama.toml")]
struct BuyPage {
    page: Page,
    form: Form,
    assistants: Vec<(String, String)>,
    offered: Option<Vec<Offered>>,
    kinds: Vec<(String, String)>,
    key: String,
}

async fn buy_page(
    doors: &Doors,
    reader: &Reader,
    form: Form,
    offered: Option<Vec<Offered>>,
) -> Result<Response, Failure> {
    let page =
        Page::new(reader, "/console/numbers", reader.t("numbers-buy"), doors.clock.now()).with_form(&form);
    let shown = BuyPage {
        kinds: KINDS.map(|(word, _)| (word.to_owned(), page.t(format!("kind-{word}")).to_string())).into(),
        page,
        assistants: named(doors, reader).await?,
        offered,
        key: crate::platform::ids::token(),
        form,
    };
    let status = shown.form.status;
    show_with(status, &shown)
}

async fn search(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    reader.by.must(Verb::Write, Subject::Numbers)?;
    let mut typed = Typed::read(query.unwrap_or_default().as_bytes());
    let asked = typed.ticked("country");
    if !asked {
        let home = crate::domain::outgoing::hours::country_of(&reader.zone()).unwrap_or("DE");
        typed = typed.with("country", home).with("kind", "local");
    }
    let form = Form::new(reader.language, typed);
    if !asked {
        return buy_page(&doors, &reader, form, None).await;
    }
    match offered(&doors, &reader, form.typed()).await {
        Ok(offered) => buy_page(&doors, &reader, form, Some(offered)).await,
        Err(error) => buy_page(&doors, &reader, form.refused(error)?, None).await,
    }
}

async fn offered(doors: &Doors, reader: &Reader, typed: &Typed) -> Result<Vec<Offered>, app::Error> {
    let word = typed.get("kind");
    let kind = KINDS.iter().find(|(known, _)| *known == word).map_or(Kind::Local, |(_, kind)| *kind);
    let country = typed.get("country").to_uppercase();
    let area = typed.maybe("area-code").map(|text| text.trim_start_matches('0').to_owned());
    // Area codes are Twilio's word in North America only; elsewhere they are the digits a number begins with.
    let (area, begins) = if matches!(country.as_str(), "US" | "CA") {
        (area, None)
    } else {
        (None, area.map(|area| format!("{area}*")))
    };
    numbers::available(&doors.accounts, &reader.by, &country, kind, area, begins, OFFERED_ON_PAGE).await
}

async fn buy(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let assistant = chosen(&mut form, "assistant");
    let Ok(number) = form.typed().get("number").parse() else {
        let words = form.t("fault-number");
        form.fault("", words);
        return buy_page(&doors, &reader, form, None).await;
    };
    let typed = form.typed();
    // An assistant brings its language; where nobody answers yet, the reader's is a beginning.
    let language = assistant.is_none().then_some(reader.language);
    let ordered = Ordered {
        number,
        assistant,
        language,
        address_sid: typed.maybe("address-sid").map(str::to_owned),
        bundle_sid: typed.maybe("bundle-sid").map(str::to_owned),
    };
    let key = typed.maybe("key").map(str::to_owned);
    let now = doors.clock.now();
    match numbers::buy(&doors.store, &doors.accounts, &reader.by, now, key.as_deref(), ordered).await {
        Ok(kept) => {
            let to = format!("/console/numbers/{}", kept.item.number.id);
            Ok(reader.done(&to, &reader.t("numbers-bought")))
        }
        Err(error) => {
            let form = form.refused(error)?;
            let offered = offered(&doors, &reader, form.typed()).await.ok();
            buy_page(&doors, &reader, form, offered).await
        }
    }
}

#[derive(Template)]
#[template(path = "numbers/one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    held: HeldNumber,
    form: Form,
    assistants: Vec<(String, String)>,
    languages: Vec<(String, String)>,
    may_write: bool,
    forwarding: Vec<Codes>,
    /// The line that is to be tested.
    line: Form,
    tests: Vec<TestRow>,
}

/// A test whether a line is forwarded here.
struct TestRow {
    line: E164,
    asked: Timestamp,
    /// The look of what it found.
    look: &'static str,
    found: Said,
    /// What that means, and what to do.
    then: Said,
    ringing: bool,
}

impl TestRow {
    fn of((test, found): Tested, numbers: &[HeldNumber], page: &Page) -> Self {
        let line = page.phone(&test.line);
        let (word, look, then) = match &found {
            Found::Ringing => ("tested-ringing-title", "live", page.t("tested-ringing")),
            Found::Works => ("tested-works-title", "good", page.t("tested-works")),
            Found::Circle(Through::Fallback) => {
                ("tested-circle-title", "bad", page.t("tested-circle-fallback"))
            }
            Found::Circle(Through::Target(name)) => {
                ("tested-circle-title", "bad", page.t("tested-circle-target").s("target", name))
            }
            Found::Elsewhere(at) => {
                let at = numbers.iter().find(|held| held.number.id == *at);
                let at = at.map(|held| page.phone(&held.number.number)).unwrap_or_default();
                ("tested-elsewhere-title", "warn", page.t("tested-elsewhere").s("other", at))
            }
            Found::NotArrived(ending) => (
                "tested-not-arrived-title",
                "bad",
                match ending {
                    Ending::Answered | Ending::Machine => page.t("tested-answered"),
                    Ending::Busy => page.t("tested-busy"),
                    Ending::NoAnswer => page.t("tested-no-answer"),
                    Ending::Failed
                    | Ending::Sent
                    | Ending::Cancelled
                    | Ending::NoConsent
                    | Ending::OptedOut
                    | Ending::Number
                    | Ending::Country
                    | Ending::AppointmentGone
                    | Ending::TooLate
                    | Ending::Declined
                    | Ending::Unknown => page.t("tested-failed"),
                },
            ),
            Found::NotRung(_) => ("tested-not-rung-title", "warn", page.t("tested-not-rung")),
        };
        Self {
            found: page.t(word),
            then: then.s("line", line),
            line: test.line,
            asked: test.asked,
            look,
            ringing: found == Found::Ringing,
        }
    }
}

fn typed_of(held: &HeldNumber, revision: crate::domain::revision::Revision) -> Typed {
    Typed::default()
        .with(super::form::SEEN, revision.0)
        .with("assistant", held.number.assistant.as_ref().map_or("", AssistantId::as_str))
        .with("language", held.number.language.code())
}

async fn one_page(doors: &Doors, reader: &Reader, held: HeldNumber, form: Form) -> Result<Response, Failure> {
    let line = Form::new(reader.language, Typed::default()).prefixed(LINE);
    page_of(doors, reader, held, form, line).await
}

/// The page of a number, with both its forms.
async fn page_of(
    doors: &Doors,
    reader: &Reader,
    held: HeldNumber,
    form: Form,
    line: Form,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let title = Page::new(reader, "", "", now).phone(&held.number.number);
    let page = Page::new(reader, "/console/numbers", title, now).with_form(&form).with_form(&line);
    let status = if line.is_wrong() { line.status } else { form.status };
    let tests = forwarding_tests::list(&doors.store, &reader.by, now, &held.number.id).await?;
    let numbers = numbers::list(&doors.store, &reader.by, None, NUMBERS_ON_PAGE).await?.items;
    let shown = OnePage {
        assistants: named(doors, reader).await?,
        languages: languages(reader),
        may_write: reader.may(Verb::Write, Subject::Numbers),
        forwarding: forwarding::codes(held.number.number.as_str()),
        tests: tests.into_iter().map(|tested| TestRow::of(tested, &numbers, &page)).collect(),
        line,
        page,
        held,
        form,
    };
    show_with(status, &shown)
}

/// Rings the practice's own line, to see whether it is forwarded here.
async fn test_forwarding(
    State(doors): State<Doors>,
    reader: Reader,
    Path(number): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = number_id(&number)?;
    let line = Form::new(reader.language, typed).prefixed(LINE);
    let now = doors.clock.now();
    match forwarding_tests::test(&doors.store, &reader.by, now, &id, line.typed().get("line")).await {
        Ok(_) => Ok(reader.done(&format!("/console/numbers/{id}#forwarding"), &reader.t("tested-begun"))),
        Err(error) => {
            let line = line.refused(error)?;
            let kept = numbers::get(&doors.store, &reader.by, &id).await?;
            let form = Form::new(reader.language, typed_of(&kept.item, kept.revision));
            page_of(&doors, &reader, kept.item, form, line).await
        }
    }
}

/// The languages to choose from, in the reader's words.
pub(super) fn languages(reader: &Reader) -> Vec<(String, String)> {
    Language::ALL
        .map(|one| (one.code().to_owned(), reader.t(format!("language-{}", one.code())).to_string()))
        .into()
}

fn number_id(text: &str) -> Result<NumberId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let kept = numbers::get(&doors.store, &reader.by, &number_id(&number)?).await?;
    let form = Form::new(reader.language, typed_of(&kept.item, kept.revision));
    one_page(&doors, &reader, kept.item, form).await
}

async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(number): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = number_id(&number)?;
    let mut form = Form::new(reader.language, typed);
    let assistant = chosen(&mut form, "assistant");
    let language = form.typed().get("language").parse::<Language>();
    let seen = form.typed().seen();
    let refusal = match language {
        Ok(language) if !form.is_wrong() => {
            let now = doors.clock.now();
            let edited =
                numbers::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(Edit { assistant, language }));
            match edited.await {
                Ok(_) => {
                    return Ok(reader.done(&format!("/console/numbers/{id}"), &reader.t("numbers-saved")));
                }
                Err(error) => Some(error),
            }
        }
        _ => None,
    };
    let kept = numbers::get(&doors.store, &reader.by, &id).await?;
    let form = match refusal {
        Some(app::Error::Stale) => {
            form.stale(typed_of(&kept.item, kept.revision), reader.faster(&doors, id.as_str()).await?)
        }
        Some(error) => form.refused(error)?,
        None => form,
    };
    one_page(&doors, &reader, kept.item, form).await
}

async fn release(
    State(doors): State<Doors>,
    reader: Reader,
    Path(number): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = number_id(&number)?;
    let kept = numbers::get(&doors.store, &reader.by, &id).await?;
    let shown = typed.get("number").replace(' ', "");
    let form = Form::new(reader.language, typed_of(&kept.item, kept.revision));
    // Giving back a number cannot be undone: it is typed, in any spelling.
    let home = crate::domain::outgoing::hours::country_of(&reader.zone());
    if lists::number(&shown, home).as_ref() != Some(&kept.item.number.number) {
        let mut form = form;
        let words = form.t("numbers-release-typed");
        form.fault("release-number", words);
        return one_page(&doors, &reader, kept.item, form).await;
    }
    let now = doors.clock.now();
    match numbers::release(&doors.store, &doors.accounts, &reader.by, now, &id, typed.seen(), false).await {
        Ok(()) => Ok(reader.done("/console/numbers", &reader.t("numbers-released"))),
        Err(error) => one_page(&doors, &reader, kept.item, form.refused(error)?).await,
    }
}
