//! Commands of chromedriver's that WebDriver has no word for.

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// A command of Chromium's own.
#[derive(Debug)]
pub enum Devtools {
    /// One of the DevTools protocol.
    Command { name: &'static str, parameters: Value },
    /// What the browser's log has since it was asked last.
    Log,
}

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let path = match self {
            Self::Command { .. } => "goog/cdp/execute",
            Self::Log => "se/log",
        };
        base.join(&format!("session/{}/{path}", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = match self {
            Self::Command { name, parameters } => json!({ "cmd": name, "params": parameters }),
            Self::Log => json!({ "type": "browser" }),
        };
        (Method::POST, Some(body.to_string()))
    }
}
