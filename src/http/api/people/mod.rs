//! People and programs: `/auth/*`, `/users/me`, `/api/members`, `/api/invitations`, `/api/api-keys`, `/api/outbox`.

mod api_keys;
mod entry;
mod invitations;
mod members;
mod outbox;
mod second_factor;
mod wire;

use utoipa_axum::router::OpenApiRouter;

use crate::http::Doors;

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .merge(entry::router())
        .merge(second_factor::router())
        .merge(members::router())
        .merge(invitations::router())
        .merge(api_keys::router())
        .merge(outbox::router())
}
