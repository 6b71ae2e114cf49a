//! A bucket that speaks S3: objects kept in memory, whole or sent in parts, read whole or in ranges.
//!
//! It answers at its own address in path style, wants requests signed by its one key, and says a digest that does not fit
//! is wrong, as the vendor does. It checks no signature and listens on loopback only.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Faults;

/// The name of its bucket.
pub const BUCKET: &str = "recordings";
/// The region it says it is in.
pub const REGION: &str = "eu-central-1";
/// The largest body it takes, in bytes.
const BODY_MAX: usize = 64 << 20;
/// How the date of everything in it is told.
const MODIFIED: &str = "Mon, 02 Mar 2026 08:00:00 GMT";

/// A running stand-in.
pub struct S3 {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: DropGuard,
}

struct Shared {
    key_id: String,
    faults: Faults,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    objects: BTreeMap<String, Bytes>,
    /// What is being sent in parts, by the upload's name.
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    uploads_begun: u32,
    /// How many requests are to be answered with 503 before others are answered.
    refuse: u32,
    requests: u64,
}

impl S3 {
    /// Starts one on a free port of the loopback interface. It knows the key of that id.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(key_id: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            key_id: key_id.to_owned(),
            faults: Faults::default(),
            inside: Mutex::default(),
        });
        let routes = Router::new()
            .route("/{bucket}/{*name}", any(object))
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .with_state(shared.clone());
        let leaving = CancellationToken::new();
        let until = leaving.clone().cancelled_owned();
        tokio_util::task::TaskTracker::new().spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.ok();
        });
        Ok(Self { address, shared, _running: leaving.drop_guard() })
    }

    /// Where it answers, in the place of AWS.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was wrong with what it was asked.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// The names of what is kept in it.
    pub fn names(&self) -> Vec<String> {
        self.shared.inside().objects.keys().cloned().collect()
    }

    /// What is kept under a name.
    pub fn object(&self, name: &str) -> Option<Vec<u8>> {
        self.shared.inside().objects.get(name).map(|bytes| bytes.to_vec())
    }

    /// Uploads in parts that were begun and neither ended nor taken back.
    pub fn uploads_open(&self) -> usize {
        self.shared.inside().uploads.len()
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.inside().requests
    }

    /// Answers the next requests with 503.
    pub fn refuse(&self, count: u32) {
        self.shared.inside().refuse = count;
    }
}

impl Shared {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a request is not heard.
    fn refusal(&self, headers: &HeaderMap, body: &Bytes) -> Option<Response> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let signed = format!("AWS4-HMAC-SHA256 Credential={}/", self.key_id);
        let given = text("authorization");
        let region = format!("/{REGION}/s3/aws4_request");
        if !given.starts_with(&signed) || !given.contains(&region) || !given.contains("Signature=") {
            return Some(problem(StatusCode::FORBIDDEN, "SignatureDoesNotMatch"));
        }
        let told = text("x-amz-content-sha256");
        let found = digest::digest(&digest::SHA256, body);
        let found: String = found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if told != found && told != "UNSIGNED-PAYLOAD" {
            self.faults.add("a body of another digest than its head says");
            return Some(problem(StatusCode::BAD_REQUEST, "XAmzContentSHA256Mismatch"));
        }
        None
    }
}

async fn object(
    State(shared): State<Arc<Shared>>,
    Path((bucket, name)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refusal = shared.refusal(&headers, &body);
    let mut inside = shared.inside();
    inside.requests += 1;
    if let Some(left) = inside.refuse.checked_sub(1) {
        inside.refuse = left;
        return problem(StatusCode::SERVICE_UNAVAILABLE, "SlowDown");
    }
    if let Some(refusal) = refusal {
        return refusal;
    }
    if bucket != BUCKET {
        return problem(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    match (method.as_str(), query.get("uploadId"), query.get("partNumber")) {
        ("PUT", None, None) => {
            let tag = tag(&body);
            inside.objects.insert(name, body);
            (StatusCode::OK, [(header::ETAG, tag)]).into_response()
        }
        ("POST", None, None) if query.contains_key("uploads") => {
            inside.uploads_begun += 1;
            let id = format!("upload-{}", inside.uploads_begun);
            let told = format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{name}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            );
            inside.uploads.insert(id, BTreeMap::new());
            xml(StatusCode::OK, told)
        }
        ("PUT", Some(id), Some(number)) => {
            let tag = tag(&body);
            match (inside.uploads.get_mut(id), number.parse()) {
                (Some(parts), Ok(number)) => {
                    parts.insert(number, body);
                    (StatusCode::OK, [(header::ETAG, tag)]).into_response()
                }
                _ => problem(StatusCode::NOT_FOUND, "NoSuchUpload"),
            }
        }
        ("POST", Some(id), None) => match inside.uploads.remove(id) {
            Some(parts) => {
                let whole = Bytes::from(parts.values().flatten().copied().collect::<Vec<u8>>());
                let told = format!(
                    "<CompleteMultipartUploadResult><Location>x</Location><Bucket>{BUCKET}</Bucket><Key>{name}</Key>\
                     <ETag>{}</ETag></CompleteMultipartUploadResult>",
                    tag(&whole)
                );
                inside.objects.insert(name, whole);
                xml(StatusCode::OK, told)
            }
            None => problem(StatusCode::NOT_FOUND, "NoSuchUpload"),
        },
        ("DELETE", Some(id), None) => {
            inside.uploads.remove(id);
            StatusCode::NO_CONTENT.into_response()
        }
        ("DELETE", None, None) => {
            inside.objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET" | "HEAD", None, None) => match inside.objects.get(&name) {
            Some(bytes) => sent(bytes, headers.get(header::RANGE).and_then(|range| range.to_str().ok())),
            None => problem(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => {
            shared.faults.add(format!("{method} with {:?}", query.keys()));
            problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed")
        }
    }
}

/// An object, or the range of it that was asked for.
fn sent(bytes: &Bytes, range: Option<&str>) -> Response {
    let head = [
        (header::ETAG, tag(bytes)),
        (header::LAST_MODIFIED, MODIFIED.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let Some(range) = range else { return (StatusCode::OK, head, bytes.clone()).into_response() };
    let ends = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((first.parse().ok()?, last.parse::<usize>().ok()?)));
    let Some((first, last)) = ends.filter(|(first, _): &(usize, usize)| *first < bytes.len()) else {
        return problem(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
    };
    let last = last.min(bytes.len() - 1);
    let told = format!("bytes {first}-{last}/{}", bytes.len());
    let piece = bytes.slice(first..=last);
    (StatusCode::PARTIAL_CONTENT, head, [(header::CONTENT_RANGE, told)], piece).into_response()
}

fn tag(bytes: &Bytes) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn problem(status: StatusCode, code: &str) -> Response {
    xml(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

fn xml(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
}
