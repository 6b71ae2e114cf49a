//! A test call from the console: begun by the page's script, which talks on the browser's door.
//!
//! The script asks with a form like any other and reads what it needs from the page that comes back.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::post,
};
use tracing::{info, warn};

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        page::{Page, show},
        visitor::Reader,
    },
    Kept, PLACE,
    fields::typed,
    one_with,
};
use crate::{
    app::{
        calls,
        test_calls::{self, BROWSER, CallMe},
    },
    domain::id::{AssistantId, CallId},
    http::{Doors, api, test_calls::MEDIA},
    platform::ids,
};

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/assistants/{assistant}/test", post(begin))
        .route("/console/assistants/{assistant}/call-me", post(call_me))
        .route("/console/calls/{call}/keep", post(keep))
}

#[derive(Template)]
#[template(path = "assistants/test.html", config = ".askama.toml")]
struct TestPage {
    page: Page,
    assistant: AssistantId,
    call: CallId,
    media: &'static str,
    token: String,
    account: &'static str,
    call_sid: String,
    stream_sid: String,
}

async fn begin(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let assistant: AssistantId = assistant.parse().map_err(|_| Failure::NotFound)?;
    let now = doors.clock.now();
    let language = typed.maybe("language").and_then(|code| code.parse().ok());
    let answer = test_calls::begin(&doors.store, &reader.by, now, &assistant, language).await?;
    let record = answer.record.clone();
    let token = match doors.lines.expect(answer, BROWSER.to_owned()).await {
        Ok(token) => token,
        Err(refused) => {
            info!(reason = %refused, call.id = %record.id, "a test call is not taken");
            if let Err(error) = calls::refused(&doors.store, reader.by.tenant(), &record.id, now).await {
                warn!(error = &error as &dyn std::error::Error, "a refused call could not be kept");
            }
            return Err(api::test_calls::why(refused).into());
        }
    };
    let shown = TestPage {
        page: Page::new(&reader, PLACE, reader.t("try-title"), now),
        assistant,
        call: record.id,
        media: MEDIA,
        token,
        account: BROWSER,
        call_sid: record.sid.to_string(),
        stream_sid: format!("MZ{}", &ids::token()[..32]),
    };
    show(&shown)
}

/// Has the assistant ring the reader.
async fn call_me(
    State(doors): State<Doors>,
    reader: Reader,
    Path(assistant): Path<String>,
    entered: Typed,
) -> Result<Response, Failure> {
    let kept = Kept::of(&doors, &reader, &assistant).await?;
    let id = kept.live.item.id.clone();
    let ring = Form::new(reader.language, entered);
    let wanted = CallMe { telephone: Some(ring.typed().get("telephone")), keep: ring.typed().ticked("keep") };
    match test_calls::call_me(&doors.store, &reader.by, doors.clock.now(), &id, wanted).await {
        Ok(_) => Ok(reader.done(&format!("{PLACE}/{id}"), &reader.t("ring-rings"))),
        Err(error) => {
            let ring = ring.refused(error)?;
            let form = Form::new(reader.language, typed(kept.edited(), kept.seen()));
            one_with(&doors, &reader, kept, form, Some(ring)).await
        }
    }
}

async fn keep(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
) -> Result<Response, Failure> {
    let call: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    test_calls::keep(&doors.store, &reader.by, doors.clock.now(), &call).await?;
    Ok(reader.done(&format!("/console/calls/{call}"), &reader.t("try-kept")).into_response())
}
