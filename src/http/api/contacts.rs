//! `/api/contacts`: people who call or are called.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, Patch, Seen, Tagged, id, page};
use crate::{
    app::{self, Fault, Faults, contacts, pins, receptions},
    domain::{contact::Contact, id::ContactId, reception::Reception, revision::Revised},
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
    store::ContactFilter,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(show_pin, set_pin, remove_pin))
        .routes(routes!(show_reception, set_reception))
}

/// A person who calls or is called.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Erika Beispiel", "number": "+491701234567", "born": "1964-08-12"}))]
struct ContactWanted {
    /// The person's name.
    name: String,
    /// The number the person calls from, such as `+491701234567`.
    number: Option<String>,
    /// Where mails reach the person; invitations go there, for services that send them.
    email: Option<String>,
    /// Date of birth.
    #[schema(format = Date)]
    born: Option<String>,
    /// What staff want to remember.
    #[serde(default)]
    note: String,
}

/// A contact.
#[derive(Serialize, ToSchema)]
struct ContactShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    contact: ContactWanted,
}

impl ContactWanted {
    fn of(contact: &Contact) -> Self {
        Self {
            name: contact.name.clone(),
            number: contact.number.as_ref().map(ToString::to_string),
            email: contact.email.as_ref().map(ToString::to_string),
            born: contact.born.map(|date| date.to_string()),
            note: contact.note.clone(),
        }
    }

    fn contact(self, id: ContactId) -> Result<Contact, app::Error> {
        let mut faults = Faults::new();
        let number = self.number.map(|number| faults.take(number.parse(), "/number"));
        let email = self.email.map(|email| faults.take(email.parse(), "/email"));
        let born = self.born.map(|date| {
            let read = date.parse().map_err(|_| "is no date, such as 1964-08-12");
            faults.take(read, "/born")
        });
        faults.settle()?;
        Ok(Contact {
            id,
            name: self.name,
            number: number.flatten(),
            email: email.flatten(),
            born: born.flatten(),
            note: self.note,
        })
    }
}

/// Which contacts, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContactsAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those who call from this number.
    number: Option<String>,
    /// Only those whose name begins so, in whatever case.
    name: Option<String>,
}

impl ContactsAsked {
    fn filter(&self) -> Result<ContactFilter, Problem> {
        match (&self.number, &self.name) {
            (None, None) => Ok(ContactFilter::All),
            (None, Some(start)) => Ok(ContactFilter::NameBegins(start.clone())),
            (Some(number), None) => number
                .parse()
                .map(ContactFilter::Number)
                .map_err(|error| Problem::Invalid(vec![Fault::new("?number", format!("{error}"))])),
            (Some(_), Some(_)) => {
                Err(Problem::Invalid(vec![Fault::new("?name", "cannot be asked together with `number`")]))
            }
        }
    }
}

fn show_one(contact: &Contact) -> ContactShown {
    ContactShown { id: contact.id.to_string(), contact: ContactWanted::of(contact) }
}

fn tagged(contact: &Revised<Contact>) -> Tagged<ContactShown> {
    Tagged::shown(show_one(&contact.item), contact.revision)
}

/// The contacts, in the order of their making.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts", params(ContactsAsked),
    responses((status = OK, body = Listed<ContactShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<ContactsAsked>,
) -> Result<Json<Listed<ContactShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let page = contacts::list(&doors.store, &by, &asked.filter()?, after.as_ref(), count).await?;
    Ok(Listed::of(page, |contact| show_one(&contact)))
}

/// Makes a contact.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", request_body = ContactWanted,
    responses((status = CREATED, body = ContactShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ContactWanted>,
) -> Result<Tagged<ContactShown>, Problem> {
    let now = doors.clock.now();
    let wanted = wanted.contact(ContactId::of(ids::fresh(now)))?;
    let made = contacts::create(&doors.store, &by, now, wanted).await?;
    let location = format!("/api/contacts/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One contact.
#[utoipa::path(get, path = "/api/contacts/{contact}", tag = "contacts",
    params(("contact", description = "Its id.")), responses((status = OK, body = ContactShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
) -> Result<Tagged<ContactShown>, Problem> {
    Ok(tagged(&contacts::get(&doors.store, &by, &id(&contact)?).await?))
}

/// Changes a contact: a JSON merge patch.
#[utoipa::path(patch, path = "/api/contacts/{contact}", tag = "contacts",
    params(("contact", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = ContactShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ContactShown>, Problem> {
    let contact = id(&contact)?;
    let edited = contacts::edit(&doors.store, &by, doors.clock.now(), &contact, seen, |kept| {
        patch.over(&ContactWanted::of(kept))?.contact(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes a contact away to whom nothing was ever promised.
#[utoipa::path(delete, path = "/api/contacts/{contact}", tag = "contacts",
    params(("contact", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    contacts::remove(&doors.store, &by, doors.clock.now(), &id(&contact)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A PIN for a contact to type on the telephone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"pin": "4711"}))]
struct PinWanted {
    /// Four to eight digits.
    #[schema(value_type = String)]
    pin: SecretString,
}

/// What may be told of a contact's PIN.
#[derive(Serialize, ToSchema)]
struct PinShown {
    /// Whether there is one.
    set: bool,
    /// Since when.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// Until when none is taken, after too many wrong ones.
    #[schema(required, format = DateTime)]
    resting_until: Option<String>,
}

/// Whether a contact has a PIN. What it is, is told to nobody.
#[utoipa::path(get, path = "/api/contacts/{contact}/pin", tag = "contacts",
    params(("contact", description = "Its id.")), responses((status = OK, body = PinShown)))]
async fn show_pin(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
) -> Result<Json<PinShown>, Problem> {
    let kept = pins::get(&doors.store, &by, &id(&contact)?).await?;
    let resting = kept.and_then(|kept| kept.resting_until).filter(|until| *until > doors.clock.now());
    Ok(Json(PinShown {
        set: kept.is_some(),
        since: kept.map(|kept| kept.set.to_string()),
        resting_until: resting.map(|until| until.to_string()),
    }))
}

/// Gives a contact a PIN, by which callers prove who they are where a service is `sensitive`. One that rests is taken again.
#[utoipa::path(put, path = "/api/contacts/{contact}/pin", tag = "contacts",
    params(("contact", description = "Its id.")), request_body = PinWanted, responses((status = NO_CONTENT)))]
async fn set_pin(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
    Body(wanted): Body<PinWanted>,
) -> Result<StatusCode, Problem> {
    let mut faults = Faults::new();
    let pin = faults.take(wanted.pin.expose_secret().parse(), "/pin");
    faults.settle()?;
    if let Some(pin) = pin {
        pins::set(&doors.store, &doors.keys, &by, doors.clock.now(), &id(&contact)?, &pin).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a contact's PIN away.
#[utoipa::path(delete, path = "/api/contacts/{contact}/pin", tag = "contacts",
    params(("contact", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove_pin(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
) -> Result<StatusCode, Problem> {
    pins::remove(&doors.store, &by, doors.clock.now(), &id(&contact)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a contact's calls are received.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"how": "blocked"}))]
struct ReceptionShown {
    /// `assistant` as everybody's, `blocked`: a sentence and no more, or `put_through` to somebody without the assistant.
    how: String,
    /// The transfer target callers are put through to; the fallback number when left out.
    target: Option<String>,
}

fn shown(reception: &Reception) -> Json<ReceptionShown> {
    let target = reception.target().map(ToString::to_string);
    Json(ReceptionShown { how: reception.as_str().to_owned(), target })
}

/// How a contact's calls are received.
#[utoipa::path(get, path = "/api/contacts/{contact}/reception", tag = "contacts",
    params(("contact", description = "Its id.")), responses((status = OK, body = ReceptionShown)))]
async fn show_reception(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
) -> Result<Json<ReceptionShown>, Problem> {
    Ok(shown(&receptions::get(&doors.store, &by, &id(&contact)?).await?))
}

/// Blocks a contact, has their calls always put through, or leaves them to the assistant again. Where several people have a
/// number, whoever is put through is, and one who is blocked blocks it.
#[utoipa::path(put, path = "/api/contacts/{contact}/reception", tag = "contacts",
    params(("contact", description = "Its id.")), request_body = ReceptionShown,
    responses((status = OK, body = ReceptionShown)))]
async fn set_reception(
    State(doors): State<Doors>,
    By(by): By,
    Path(contact): Path<String>,
    Body(wanted): Body<ReceptionShown>,
) -> Result<Json<ReceptionShown>, Problem> {
    let mut faults = Faults::new();
    let target = wanted.target.as_deref().map(str::parse);
    let target = target.and_then(|read| faults.take(read, "/target"));
    let known = Reception::parse(&wanted.how, target.clone());
    let reception = faults.take(known.ok_or("must be `assistant`, `blocked` or `put_through`"), "/how");
    let needless = target.is_some() && reception.as_ref().is_some_and(|one| one.target().is_none());
    faults.unless(!needless, "/target", "goes with `put_through` only");
    let Some(reception) = reception else { return Err(faults.refusal().into()) };
    faults.settle()?;
    receptions::set(&doors.store, &by, doors.clock.now(), &id(&contact)?, &reception).await?;
    Ok(shown(&reception))
}
