//! How every resource of the API speaks: bodies, patches, pages, states.
//!
//! Knows no resource. A body is read strictly: a key that is unknown, or a value that does not fit, is refused with
//! a pointer to it.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    app::{self, Fault},
    domain::{revision::Revision, time::Timestamp},
    http::problem::Problem,
    store::{Page, Place},
};

/// Items on a page when nobody says how many.
pub const PAGE_USUAL: u32 = 50;
/// Items on a page at most.
pub const PAGE_MAX: u32 = 200;

/// A body in JSON.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = bytes(request, state, &["application/json"]).await?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = pointer(error.path());
            let inner = error.into_inner();
            if inner.is_data() { invalid(path, &inner) } else { malformed(&inner) }
        })?;
        reader.end().map_err(|error| malformed(&error))?;
        Ok(Self(read))
    }
}

/// A JSON merge patch (RFC 7396).
pub struct Patch(Value);

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = bytes(request, state, &["application/json", "application/merge-patch+json"]).await?;
        let patch: Value = serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
        if !patch.is_object() {
            return Err(Problem::Invalid(vec![Fault::new("", "must be an object with what is to change")]));
        }
        Ok(Self(patch))
    }
}

impl Patch {
    /// `kept` with the patch laid over it, read as strictly as a body.
    ///
    /// # Errors
    /// [`app::Error::Invalid`] with a pointer to what does not fit.
    pub fn over<T: Serialize + DeserializeOwned>(&self, kept: &T) -> Result<T, app::Error> {
        let mut whole = serde_json::to_value(kept).map_err(|error| app::Error::Internal(error.into()))?;
        merge(&mut whole, &self.0);
        read(whole)
    }
}

/// A value read as strictly as a body.
///
/// # Errors
/// [`app::Error::Invalid`] with a pointer to what does not fit.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, app::Error> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = pointer(error.path());
        app::Error::Invalid(vec![fault(path, &error.into_inner())])
    })
}

/// RFC 7396 §2.
fn merge(kept: &mut Value, patch: &Value) {
    match (kept, patch) {
        (Value::Object(kept), Value::Object(patch)) => {
            for (name, value) in patch {
                if value.is_null() {
                    kept.remove(name);
                } else {
                    merge(kept.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (kept, Value::Object(patch)) => {
            let mut made = Value::Object(serde_json::Map::new());
            merge(&mut made, &Value::Object(patch.clone()));
            *kept = made;
        }
        (kept, value) => *kept = value.clone(),
    }
}

/// What is asked in the query.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let name = error.path().to_string();
            let told = error.into_inner().to_string();
            let name = if name == "." { unknown_field(&told).unwrap_or_default() } else { name };
            Problem::Invalid(vec![Fault::new(format!("?{name}"), told)])
        })
    }
}

/// Which page of a list is asked for.
///
/// # Errors
/// [`Problem::Invalid`] for more than [`PAGE_MAX`] items, none, or a cursor nobody gave out.
pub fn page(limit: Option<u32>, cursor: Option<&str>) -> Result<(u32, Option<Place>), Problem> {
    let wrong = |name: &str, problem: String| Problem::Invalid(vec![Fault::new(format!("?{name}"), problem)]);
    let count = limit.unwrap_or(PAGE_USUAL);
    if !(1..=PAGE_MAX).contains(&count) {
        return Err(wrong("limit", format!("must be from 1 to {PAGE_MAX}")));
    }
    let place = cursor.map(|text| {
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once(':')?;
        Some(Place { at: at.parse().ok()?, id: id.to_owned() })
    });
    match place {
        Some(None) => Err(wrong("cursor", "must be a `next_cursor` of the same list".to_owned())),
        Some(Some(place)) => Ok((count, Some(place))),
        None => Ok((count, None)),
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Asks for the next page, as `cursor`; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// A page, each item shown by `show`.
    pub fn of<D>(page: Page<D>, show: impl FnMut(D) -> T) -> Json<Self> {
        let next_cursor = page
            .next
            .map(|place| base64_simd::URL_SAFE_NO_PAD.encode_to_string(format!("{}:{}", place.at, place.id)));
        Json(Self { items: page.items.into_iter().map(show).collect(), next_cursor })
    }
}

/// Which state of a thing the asker has seen: `If-Match`. `None` when they do not say, or say `*`.
pub struct Seen(pub Option<Revision>);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut told = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(tag) = told.next() else { return Ok(Self(None)) };
        if told.next().is_some() || tag.as_bytes().contains(&b',') {
            return Err(Problem::Malformed("If-Match must name one state".to_owned()));
        }
        match tag.to_str().ok().map(str::trim) {
            Some("*") => Ok(Self(None)),
            Some(tag) => {
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                // A tag that is none of ours is a state that is not the present one.
                Ok(Self(Some(Revision(number.and_then(|number| number.parse().ok()).unwrap_or(-1)))))
            }
            None => Err(Problem::Malformed("If-Match cannot be read".to_owned())),
        }
    }
}

/// A thing with its state, shown with an `ETag`.
pub struct Tagged<T> {
    status: StatusCode,
    location: Option<String>,
    revision: Revision,
    shown: T,
}

impl<T: Serialize> Tagged<T> {
    /// As it is.
    pub fn shown(shown: T, revision: Revision) -> Self {
        Self { status: StatusCode::OK, location: None, revision, shown }
    }

    /// As it was made, and where.
    pub fn created(shown: T, revision: Revision, location: String) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), revision, shown }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.revision)) {
            headers.insert(header::ETAG, tag);
        }
        if let Some(Ok(location)) = self.location.as_deref().map(HeaderValue::from_str) {
            headers.insert(header::LOCATION, location);
        }
        (self.status, headers, Json(self.shown)).into_response()
    }
}

/// An id from a path. What is none of its kind names nothing there is.
///
/// # Errors
/// [`Problem::NotFound`].
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}

/// An instant as it is shown: RFC 3339, in UTC.
pub fn instant(at: Timestamp) -> String {
    at.to_jiff().to_string()
}

/// The name a client gave to a request, so that made again it is the same request: `Idempotency-Key`.
pub struct RequestKey(pub Option<String>);

/// Longest name of a request, in bytes.
pub const REQUEST_KEY_LEN_MAX: usize = 200;

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(key) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match key.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= REQUEST_KEY_LEN_MAX => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::Malformed(format!(
                "Idempotency-Key must be 1 to {REQUEST_KEY_LEN_MAX} printable characters"
            ))),
        }
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S, kinds: &[&str]) -> Result<Bytes, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(Problem::UnsupportedMediaType);
    }
    Bytes::from_request(request, state).await.map_err(|error| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::TooLarge
        } else {
            Problem::Malformed("the body did not come whole".to_owned())
        }
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::Malformed(format!("The body is not JSON: {error}"))
}

fn invalid(path: String, error: &serde_json::Error) -> Problem {
    Problem::Invalid(vec![fault(path, error)])
}

/// The fault, pointing at the key itself where one is unknown or missing.
fn fault(path: String, error: &serde_json::Error) -> Fault {
    let told = error.to_string();
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told).to_owned();
    let pointer = match named(&told) {
        Some(name) if !path.ends_with(&format!("/{}", escaped(&name))) => {
            format!("{path}/{}", escaped(&name))
        }
        _ => path,
    };
    Fault::new(pointer, told)
}

/// The key that serde says is unknown, missing or there twice.
fn named(told: &str) -> Option<String> {
    unknown_field(told)
        .or_else(|| quoted(told, "missing field `"))
        .or_else(|| quoted(told, "duplicate field `"))
}

fn unknown_field(told: &str) -> Option<String> {
    quoted(told, "unknown field `")
}

fn quoted(told: &str, before: &str) -> Option<String> {
    let (_, rest) = told.split_once(before)?;
    rest.split_once('`').map(|(name, _)| name.to_owned())
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The page asked for, in the query of every list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageAsked {
    /// Which page.
    ///
    /// # Errors
    /// As [`page`].
    pub fn page(&self) -> Result<(u32, Option<Place>), Problem> {
        page(self.limit, self.cursor.as_deref())
    }
}
