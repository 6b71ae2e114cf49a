//! The browser's door: the media socket of a test call.
//!
//! It speaks what Twilio's speaks, in both directions, so that whoever talks through it talks to what callers talk to.

use axum::{
    extract::{Request, State},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Doors, sockets};

/// Where a browser opens a test call's media socket.
pub const MEDIA: &str = "/console/calls/test/media";

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(media))
}

/// A test call's media socket, with the events of Twilio's media streams: send `start` with what `POST /api/test-calls`
/// answered, then `media` with 20 ms of 8 kHz μ-law each; `media`, `mark` and `clear` come back, and each mark is to be
/// sent back once it was played. Whose call it is, the token in `start` proves.
#[utoipa::path(get, path = "/console/calls/test/media", tag = "calls",
    responses((status = SWITCHING_PROTOCOLS, description = "A WebSocket.")))]
async fn media(State(doors): State<Doors>, request: Request) -> Response {
    sockets::open(doors, request)
}
