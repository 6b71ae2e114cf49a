//! Who asks: from a token to an [`Actor`].
//!
//! The only place where a request's credentials are looked at.

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Doors, problem::Problem};
use crate::app::access::Actor;

/// Whoever asks, proven.
pub struct By(pub Actor);

impl FromRequestParts<Doors> for By {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, _: &Doors) -> Result<Self, Problem> {
        Err(Problem::Unauthenticated("A bearer token is needed."))
    }
}
