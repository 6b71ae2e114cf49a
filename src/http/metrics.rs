//! `GET /metrics`: the figures, as Prometheus reads them.

use std::sync::OnceLock;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::warn;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Doors;
use crate::platform::metrics;

/// The process's recorder, installed by the first who asks.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let recorder = match builder.set_buckets(&metrics::MS_BUCKETS) {
                Ok(builder) => builder.build_recorder(),
                Err(error) => {
                    warn!(%error, "histograms are shown as summaries");
                    PrometheusBuilder::new().build_recorder()
                }
            };
            let handle = recorder.handle();
            if ::metrics::set_global_recorder(recorder).is_err() {
                warn!("another recorder was installed first: the figures will be empty");
            }
            metrics::describe();
            handle
        })
        .clone()
}

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Every figure, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = OK, content_type = "text/plain", body = String)))]
async fn show(State(doors): State<Doors>) -> Response {
    let handle = &doors.figures;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
