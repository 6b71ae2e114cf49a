//! Style, scripts, icons and sounds of the console, built in.
//!
//! Their addresses carry a part of what they hash to, so a browser keeps them for good and still sees a change at once.

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use super::failure::Failure;

#[derive(RustEmbed)]
#[folder = "src/http/console/assets"]
struct Assets;

/// How many characters of its hash an address carries.
const MARK_LEN: usize = 12;

/// The address of an asset.
pub fn address(name: &str) -> String {
    let mark = Assets::get(name).map(|asset| {
        let hash = asset.metadata.sha256_hash();
        hash.iter().take(MARK_LEN / 2).map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    format!("/console/assets/{name}?{}", mark.unwrap_or_default())
}

/// `GET /console/assets/{name}`.
pub(super) async fn get(Path(name): Path<String>) -> Result<Response, Failure> {
    let asset = Assets::get(&name).ok_or(Failure::NotFound)?;
    let kind = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ogg" | "opus") => "audio/ogg",
        Some("wav") => "audio/wav",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    };
    let mut response = asset.data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}
