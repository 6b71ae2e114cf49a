//! `/console/contacts`: people, what is known of them, and what is done about that: not called any more, copied, forgotten.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method},
    response::Response,
    routing::{get, post},
};
use jiff::civil::Date;

use super::{
    failure::Failure,
    form::{Form, Typed},
    lists::{self, Next},
    live,
    outgoing::kind_key,
    page::{Page, show, show_with},
    visitor::Reader,
};
use crate::{
    app::{
        self,
        appointments::{self, Bound, Wanted},
        calls, contacts,
        forgetting::{
            erasures::{self, Whom},
            exports,
        },
        outgoing::{self, opt_outs},
        pins, receptions, services,
    },
    domain::{
        booking::{Appointment, AppointmentStatus, Service},
        contact::Contact,
        conversation::CallRecord,
        forgetting::{Erasure, ErasureState, Export, ExportOf, Person},
        id::{ContactId, ErasureId, ExportId},
        outgoing::Outgoing,
        people::{Subject, Verb},
        phone::E164,
        reception::Reception,
        revision::Revised,
        time::Timestamp,
    },
    http::{Doors, api},
    platform::ids,
    store::{CallFilter, CallsOf, Consent, ContactFilter, KeptPin, OptOut},
};

/// People on a page.
const CONTACTS_ON_PAGE: u32 = 50;
/// Appointments and calls of one person that are shown, of each kind.
const OF_PERSON_MAX: u32 = 20;
/// How far back a person's appointments are shown, in minutes: two years.
const BACK_MINUTES: i64 = 2 * 365 * 24 * 60;
/// Copies and deletions on a page.
const RECEIPTS_ON_PAGE: u32 = 50;
/// Services whose names are looked up, at most.
const SERVICES_MAX: u32 = 200;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/contacts", get(list).post(create))
        .route("/console/contacts/new", get(fresh))
        .route("/console/contacts/privacy", get(privacy))
        .route("/console/contacts/privacy/exports/{export}", get(fetch).post(drop_copy))
        .route("/console/contacts/privacy/erasures/{erasure}/{answer}", post(answer))
        .route("/console/contacts/{contact}", get(one).post(edit))
        .route("/console/contacts/{contact}/erase", get(sure).post(erase))
        .route("/console/contacts/{contact}/reception", post(receive))
        .route("/console/contacts/{contact}/{act}", post(act))
}

#[derive(Template)]
#[template(path = "contacts/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    people: Vec<Contact>,
    searched: bool,
    next: Option<Next>,
    may_write: bool,
    may_forget: bool,
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let mut form = Form::new(reader.language, typed);
    let page = Page::new(&reader, "/console/contacts", reader.t("nav-contacts"), doors.clock.now());
    let filter = match form.typed().maybe("q") {
        None => Some(ContactFilter::All),
        Some(text) if lists::looks_like_number(text) => match lists::number(text, page.home()) {
            Some(number) => Some(ContactFilter::Number(number)),
            None => {
                let words = form.t("fault-number");
                form.fault("q", words);
                None
            }
        },
        Some(text) => Some(ContactFilter::NameHolds(text.to_owned())),
    };
    let after = lists::place(form.typed().get("after"));
    let (mut people, mut next) = (vec![], None);
    if let Some(filter) = &filter {
        let found =
            contacts::list(&doors.store, &reader.by, filter, after.as_ref(), CONTACTS_ON_PAGE).await?;
        next = Next::of(found.next.as_ref(), form.typed());
        people = found.items;
    }
    let shown = ListPage {
        page: page.with_form(&form),
        searched: filter.as_ref().is_none_or(|filter| *filter != ContactFilter::All),
        people,
        next,
        may_write: reader.may(Verb::Write, Subject::Contacts),
        may_forget: reader.may(Verb::Read, Subject::Privacy),
        form,
    };
    show_with(shown.form.status, &shown)
}

#[derive(Template)]
#[template(path = "contacts/new.html", config = ".askama.toml")]
struct NewPage {
    page: Page,
    form: Form,
}

fn new_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let page = Page::new(reader, "/console/contacts", reader.t("contact-new"), doors.clock.now());
    let (status, page) = (form.status, page.with_form(&form));
    show_with(status, &NewPage { page, form })
}

async fn fresh(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    new_page(&doors, &reader, Form::new(reader.language, Typed::default()))
}

async fn create(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed);
    let empty = Contact {
        id: ContactId::of(ids::fresh(now)),
        name: String::new(),
        number: None,
        email: None,
        born: None,
        note: String::new(),
    };
    let Some(wanted) = read(&reader, &mut form, &empty) else { return new_page(&doors, &reader, form) };
    match contacts::create(&doors.store, &reader.by, now, wanted).await {
        Ok(made) => {
            let to = format!("/console/contacts/{}", made.item.id);
            Ok(reader.done(&to, &reader.t("contact-made").s("name", &made.item.name)))
        }
        Err(error) => new_page(&doors, &reader, form.refused(error)?),
    }
}

/// What the form says somebody is; nothing when something in it is wrong, which the form then says.
fn read(reader: &Reader, form: &mut Form, standing: &Contact) -> Option<Contact> {
    let typed = form.typed().clone();
    let home = crate::domain::outgoing::hours::country_of(&reader.zone());
    let wrong = |field: &str, form: &mut Form| {
        let words = form.t(format!("fault-{field}"));
        form.fault(field, words);
    };
    let number = typed.maybe("number").map(|text| lists::number(text, home));
    let email = typed.maybe("email").map(|text| text.parse().ok());
    let born = typed.maybe("born").map(|text| text.parse::<Date>().ok());
    if number == Some(None) {
        wrong("number", form);
    }
    if email == Some(None) {
        wrong("email", form);
    }
    if born == Some(None) {
        wrong("born", form);
    }
    if typed.get("name").is_empty() {
        wrong("name", form);
    }
    if form.is_wrong() {
        return None;
    }
    Some(Contact {
        id: standing.id.clone(),
        name: typed.get("name").to_owned(),
        number: number.flatten(),
        email: email.flatten(),
        born: born.flatten(),
        note: typed.get("note").to_owned(),
    })
}

/// A contact as its form holds it.
fn typed_of(page: &Page, kept: &Revised<Contact>) -> Typed {
    let contact = &kept.item;
    Typed::default()
        .with("name", &contact.name)
        .with("number", contact.number.as_ref().map(|number| page.phone(number)).unwrap_or_default())
        .with("email", contact.email.as_ref().map(|email| email.as_str()).unwrap_or_default())
        .with("born", contact.born.map(|born| born.to_string()).unwrap_or_default())
        .with("note", &contact.note)
        .with("seen", kept.revision.0)
}

/// An attempt of ours to reach somebody.
struct Tried {
    one: Outgoing,
    why: &'static str,
}

#[derive(Template)]
#[template(path = "contacts/one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    form: Form,
    contact: Contact,
    /// How their calls are received.
    reception: Reception,
    how: Form,
    /// To whom they can be put through: ids and names.
    targets: Vec<(String, String)>,
    /// What we have tried to reach them.
    tried: Vec<Tried>,
    /// Since when they have a PIN.
    pin: Option<KeptPin>,
    coming: Vec<AppointmentShown>,
    past: Vec<AppointmentShown>,
    calls: Vec<CallRecord>,
    all_calls: Option<String>,
    /// Their latest yes to being recorded.
    consent: Option<Consent>,
    opt_out: Option<OptOut>,
    may_write: bool,
    may_forget: bool,
    /// Others who have the same number.
    sharing: Vec<Contact>,
}

struct AppointmentShown {
    appointment: Appointment,
    service: String,
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(contact): Path<String>,
) -> Result<Response, Failure> {
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let kept = contacts::get(&doors.store, &reader.by, &id).await?;
    let page = Page::new(&reader, "/console/contacts", &kept.item.name, doors.clock.now());
    let form = Form::new(reader.language, typed_of(&page, &kept));
    one_page(&doors, &reader, kept.item, form, None).await
}

/// The page of a contact; `how` is how they are to be received, as somebody typed it.
async fn one_page(
    doors: &Doors,
    reader: &Reader,
    contact: Contact,
    form: Form,
    how: Option<Form>,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let reception = receptions::get(&doors.store, &reader.by, &contact.id).await?;
    let how = how.unwrap_or_else(|| {
        let target = reception.target().map(|target| target.as_str()).unwrap_or_default();
        let typed = Typed::default().with("how", reception.as_str()).with("target", target);
        Form::new(reader.language, typed)
    });
    let page = Page::new(reader, "/console/contacts", &contact.name, now).with_form(&form).with_form(&how);
    let mut targets = vec![(String::new(), reader.t("reception-fallback").to_string())];
    if reader.may(Verb::Read, Subject::Assistants) {
        targets.extend(live::targets(doors, reader).await?);
    }
    let mut tried = vec![];
    if reader.may(Verb::Read, Subject::Calls) {
        let all = outgoing::of_contact(&doors.store, &reader.by, &contact.id, OF_PERSON_MAX).await?;
        tried = all.into_iter().map(|one| Tried { why: kind_key(one.kind), one }).collect();
    }
    let pin = pins::get(&doors.store, &reader.by, &contact.id).await?;
    let (mut coming, mut past) = (vec![], vec![]);
    if reader.may(Verb::Read, Subject::Appointments) && reader.may(Verb::Read, Subject::Services) {
        let services = services::list(&doors.store, &reader.by, None, SERVICES_MAX).await?.items;
        let of = |from: Timestamp, to: Option<Timestamp>| Wanted {
            from: Some(Bound::At(from)),
            to: to.map(Bound::At),
            contact: Some(contact.id.clone()),
            ..Wanted::default()
        };
        let found = async |wanted: Wanted| -> Result<Vec<AppointmentShown>, Failure> {
            let page =
                appointments::list(&doors.store, &reader.by, &wanted, None, 10 * OF_PERSON_MAX).await?;
            let promised = page.items.into_iter().filter(|one| one.status != AppointmentStatus::Held);
            Ok(promised.map(|one| appointment(reader, &services, one)).collect())
        };
        coming = found(of(now, None)).await?;
        coming.truncate(OF_PERSON_MAX as usize);
        past = found(of(now.plus_minutes(-BACK_MINUTES), Some(now))).await?;
        past.reverse();
        past.truncate(OF_PERSON_MAX as usize);
    }
    let (mut calls, mut consent, mut all_calls, mut sharing) = (vec![], None, None, vec![]);
    let mut opt_out = None;
    if let Some(number) = &contact.number {
        if reader.may(Verb::Read, Subject::Calls) {
            let filter = CallFilter { of: Some(CallsOf::Caller(number.clone())), ..CallFilter::default() };
            calls = calls::list(&doors.store, &reader.by, &filter, None, OF_PERSON_MAX).await?.items;
            if let Some(recorded) = calls.iter().find(|call| call.recording.is_some()) {
                consent = calls::show(&doors.store, &reader.by, &recorded.id).await?.consent;
            }
            let asked = form_urlencoded::byte_serialize(number.as_str().as_bytes());
            all_calls = Some(std::iter::once("/console/calls?q=").chain(asked).collect());
        }
        opt_out = opt_outs::of(&doors.store, &reader.by, number).await?;
        let same = ContactFilter::Number(number.clone());
        sharing = contacts::list(&doors.store, &reader.by, &same, None, OF_PERSON_MAX).await?.items;
        sharing.retain(|other| other.id != contact.id);
    }
    let status = if form.is_wrong() { form.status } else { how.status };
    let shown = OnePage {
        page,
        form,
        reception,
        how,
        targets,
        tried,
        pin,
        coming,
        past,
        calls,
        all_calls,
        consent,
        opt_out,
        may_write: reader.may(Verb::Write, Subject::Contacts),
        may_forget: reader.may(Verb::Write, Subject::Privacy),
        sharing,
        contact,
    };
    show_with(status, &shown)
}

fn appointment(reader: &Reader, services: &[Service], appointment: Appointment) -> AppointmentShown {
    let service = services.iter().find(|service| service.id == appointment.service);
    let name = service.and_then(|service| {
        service.names.get(reader.language.code()).or_else(|| service.names.values().next()).cloned()
    });
    AppointmentShown { service: name.unwrap_or_default(), appointment }
}

async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(contact): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let standing = contacts::get(&doors.store, &reader.by, &id).await?;
    let mut form = Form::new(reader.language, typed);
    let Some(wanted) = read(&reader, &mut form, &standing.item) else {
        return one_page(&doors, &reader, standing.item, form, None).await;
    };
    let seen = form.typed().seen();
    let edited = contacts::edit(&doors.store, &reader.by, doors.clock.now(), &id, seen, |_| Ok(wanted)).await;
    match edited {
        Ok(_) => Ok(reader.done(&format!("/console/contacts/{id}"), &reader.t("contact-saved"))),
        Err(app::Error::Stale) => {
            let theirs = contacts::get(&doors.store, &reader.by, &id).await?;
            let page = Page::new(&reader, "/console/contacts", "", doors.clock.now());
            let form = form.stale(typed_of(&page, &theirs), reader.faster(&doors, id.as_str()).await?);
            one_page(&doors, &reader, theirs.item, form, None).await
        }
        Err(error) => one_page(&doors, &reader, standing.item, form.refused(error)?, None).await,
    }
}

/// How a person's calls are received.
async fn receive(
    State(doors): State<Doors>,
    reader: Reader,
    Path(contact): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let kept = contacts::get(&doors.store, &reader.by, &id).await?;
    let target = typed.maybe("target").and_then(|target| target.parse().ok());
    let wanted = Reception::parse(typed.get("how"), target).ok_or(Failure::NotFound)?;
    match receptions::set(&doors.store, &reader.by, doors.clock.now(), &id, &wanted).await {
        Ok(()) => {
            let told = reader.t(format!("reception-told-{}", wanted.as_str().replace('_', "-")));
            Ok(reader.done(&format!("/console/contacts/{id}"), &told))
        }
        Err(error) => {
            let mut how = Form::new(reader.language, typed);
            if let app::Error::Invalid(_) = error {
                let words = how.t("fault-reception-target");
                how.fault("target", words);
            } else {
                how = how.refused(error)?;
            }
            let page = Page::new(&reader, "/console/contacts", &kept.item.name, doors.clock.now());
            let form = Form::new(reader.language, typed_of(&page, &kept));
            one_page(&doors, &reader, kept.item, form, Some(how)).await
        }
    }
}

/// What is done about a person.
async fn act(
    State(doors): State<Doors>,
    reader: Reader,
    Path((contact, act)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let kept = contacts::get(&doors.store, &reader.by, &id).await?.item;
    let (store, by, now) = (&doors.store, &reader.by, doors.clock.now());
    let back = format!("/console/contacts/{id}");
    let number = |kept: &Contact| kept.number.clone().ok_or(Failure::NotFound);
    match act.as_str() {
        "do-not-call" => {
            opt_outs::add(store, by, now, number(&kept)?.as_str()).await?;
        }
        "may-call" => {
            let known: Option<OptOut> = opt_outs::of(store, by, &number(&kept)?).await?;
            if let Some(known) = known {
                opt_outs::remove(store, by, now, &known.id).await?;
            }
        }
        "export" => {
            exports::ask(store, by, now, Some(&Whom::Contact(id.to_string()))).await?;
            return Ok(reader.done("/console/contacts/privacy", &reader.t("contact-told-export")));
        }
        _ => return Err(Failure::NotFound),
    }
    Ok(reader.done(&back, &reader.t(format!("contact-told-{act}"))))
}

#[derive(Template)]
#[template(path = "contacts/erase.html", config = ".askama.toml")]
struct ErasePage {
    page: Page,
    contact: Contact,
    sharing: bool,
}

async fn sure(
    State(doors): State<Doors>,
    reader: Reader,
    Path(contact): Path<String>,
) -> Result<Response, Failure> {
    reader.by.must(Verb::Write, Subject::Privacy)?;
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let contact = contacts::get(&doors.store, &reader.by, &id).await?.item;
    let sharing = match &contact.number {
        Some(number) => {
            let same = ContactFilter::Number(number.clone());
            contacts::list(&doors.store, &reader.by, &same, None, 2).await?.items.len() > 1
        }
        None => false,
    };
    let title = reader.t("erase-title").s("name", &contact.name);
    let page = Page::new(&reader, "/console/contacts", title, doors.clock.now());
    show(&ErasePage { page, contact, sharing })
}

async fn erase(
    State(doors): State<Doors>,
    reader: Reader,
    Path(contact): Path<String>,
) -> Result<Response, Failure> {
    let id: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let whom = Whom::Contact(id.to_string());
    contacts::get(&doors.store, &reader.by, &id).await?;
    erasures::ask(&doors.store, &reader.by, doors.clock.now(), &whom).await?;
    Ok(reader.done("/console/contacts/privacy", &reader.t("contact-told-erase")))
}

#[derive(Template)]
#[template(path = "contacts/privacy.html", config = ".askama.toml")]
struct PrivacyPage {
    page: Page,
    erasures: Vec<ErasureRow>,
    exports: Vec<ExportRow>,
    may_write: bool,
}

struct ErasureRow {
    erasure: Erasure,
    /// How many rows and files went.
    went: u64,
    /// How much could not be taken back elsewhere.
    left: u64,
    number: Option<E164>,
}

struct ExportRow {
    export: Export,
    whole: bool,
    number: Option<E164>,
}

async fn privacy(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let erasures = erasures::list(&doors.store, &reader.by, None, RECEIPTS_ON_PAGE).await?.items;
    let exports = exports::list(&doors.store, &reader.by, None, RECEIPTS_ON_PAGE).await?.items;
    let erasure = |erasure: Erasure| {
        let left = ["events_left", "sounds_left"].iter().filter_map(|what| erasure.counts.get(*what));
        let left = left.sum::<u64>();
        let number = match &erasure.person {
            Some(Person::Number(number)) => Some(number.clone()),
            Some(Person::Contact(_)) | None => None,
        };
        ErasureRow { went: erasure.counts.values().sum::<u64>() - left, left, number, erasure }
    };
    let export = |export: Export| {
        let number = match &export.of {
            ExportOf::Person(Person::Number(number)) => Some(number.clone()),
            ExportOf::Person(Person::Contact(_)) | ExportOf::Tenant => None,
        };
        ExportRow { whole: matches!(export.of, ExportOf::Tenant), number, export }
    };
    let mut erasures: Vec<ErasureRow> = erasures.into_iter().map(erasure).collect();
    // What somebody has to decide about stands first, then the latest.
    erasures.reverse();
    erasures.sort_by_key(|row| row.erasure.state != ErasureState::Requested);
    let mut exports: Vec<ExportRow> = exports.into_iter().map(export).collect();
    exports.reverse();
    let page = Page::new(&reader, "/console/contacts", reader.t("privacy-title"), doors.clock.now());
    let may_write = reader.may(Verb::Write, Subject::Privacy);
    show(&PrivacyPage { page, erasures, exports, may_write })
}

async fn fetch(
    State(doors): State<Doors>,
    reader: Reader,
    Path(export): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let id: ExportId = export.parse().map_err(|_| Failure::NotFound)?;
    let now = doors.clock.now();
    let opened = exports::open(&doors.store, &doors.blobs, &doors.keys, &reader.by, now, &id).await?;
    Ok(api::calls::listened(opened, &method, &asked))
}

async fn drop_copy(
    State(doors): State<Doors>,
    reader: Reader,
    Path(export): Path<String>,
) -> Result<Response, Failure> {
    let id: ExportId = export.parse().map_err(|_| Failure::NotFound)?;
    exports::remove(&doors.store, &doors.blobs, &reader.by, doors.clock.now(), &id).await?;
    Ok(reader.done("/console/contacts/privacy", &reader.t("privacy-told-removed")))
}

/// What becomes of a caller's own wish to be forgotten.
async fn answer(
    State(doors): State<Doors>,
    reader: Reader,
    Path((erasure, answer)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: ErasureId = erasure.parse().map_err(|_| Failure::NotFound)?;
    let now = doors.clock.now();
    match answer.as_str() {
        "approve" => {
            erasures::approve(&doors.store, &reader.by, now, &id).await?;
        }
        "decline" => erasures::decline(&doors.store, &reader.by, now, &id).await?,
        _ => return Err(Failure::NotFound),
    }
    Ok(reader.done("/console/contacts/privacy", &reader.t(format!("privacy-told-{answer}"))))
}
