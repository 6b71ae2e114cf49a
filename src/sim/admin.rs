//! A tenant's admin at her browser: logs in, sets out for a vendor's page of consent and comes back, chooses calendars.
//!
//! All of it over HTTP, as a browser would. What she does at the vendor's page is the vendor's stand-in's doing.

use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

/// What keeps her from getting on.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody answers.
    #[error("the server does not answer")]
    Away(#[from] reqwest::Error),
    /// The server says no.
    #[error("{asked}: {status} {answer}")]
    Refused {
        /// What was asked.
        asked: String,
        /// The status of the answer.
        status: StatusCode,
        /// The answer.
        answer: String,
    },
    /// The answer lacks what it must have.
    #[error("{0} is missing in an answer")]
    Missing(&'static str),
}

/// A tenant's admin.
#[derive(Clone, Debug)]
pub struct Admin {
    base: String,
    client: Client,
    token: String,
}

/// On the way to a vendor's page.
#[derive(Clone, Debug)]
pub struct OnHerWay {
    /// The vendor's page.
    pub page: String,
    /// What her browser keeps meanwhile.
    pub cookie: String,
}

impl Admin {
    /// Logs in at the server at `base`, such as `http://127.0.0.1:8080`, and acts for the tenant of that id.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn log_in(base: &str, email: &str, password: &str, tenant: &str) -> Result<Self, Trouble> {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let mut admin = Self { base: base.to_owned(), client, token: String::new() };
        let asked = json!({ "email": email, "password": password });
        let grant = admin.ask(Method::POST, "/auth/login", Some(&asked)).await?;
        admin.token = text(&grant, "access_token")?;
        let switched = admin.ask(Method::POST, "/auth/switch", Some(&json!({ "tenant": tenant }))).await?;
        admin.token = text(&switched, "access_token")?;
        Ok(admin)
    }

    /// Asks the API.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let (_, answer) = self.answered(method, path, body).await?;
        Ok(answer)
    }

    async fn answered(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(header::HeaderMap, Value), Trouble> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let answer = answer.text().await?;
        if !status.is_success() {
            return Err(Trouble::Refused { asked: format!("{method} {path}"), status, answer });
        }
        Ok((headers, serde_json::from_str(&answer).unwrap_or_default()))
    }

    /// Sets out for a vendor's page of consent.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_out(&self, vendor: &str, grant: &str) -> Result<OnHerWay, Trouble> {
        let wanted = json!({ "vendor": vendor, "grant": grant });
        let (headers, way) = self.answered(Method::POST, "/api/calendars/connections", Some(&wanted)).await?;
        let cookie = headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie =
            cookie.and_then(|cookie| cookie.split(';').next()).ok_or(Trouble::Missing("a cookie"))?;
        Ok(OnHerWay { page: text(&way, "url")?, cookie: cookie.to_owned() })
    }

    /// Comes back from a vendor's page, where her browser was sent on to `location`; what the server sends her on to, if
    /// it does.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn come_back(&self, way: &OnHerWay, location: &str) -> Result<Option<String>, Trouble> {
        // The public address leads to this very server.
        let url = Url::parse(location).map_err(|_| Trouble::Missing("an address"))?;
        let path = url[url::Position::BeforePath..].to_owned();
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .header(header::COOKIE, &way.cookie)
            .send()
            .await?;
        let status = answer.status();
        let onward = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let onward = onward.map(str::to_owned);
        if status.is_success() || status.is_redirection() {
            return Ok(onward);
        }
        let answer = answer.text().await?;
        Err(Trouble::Refused { asked: "coming back".to_owned(), status, answer })
    }

    /// Has each of these resources' appointments written into the main calendar of the connection that was made last,
    /// which keeps others out of their time, too; the calendar's id.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn choose_main(&self, resources: &[String]) -> Result<String, Trouble> {
        let all = self.ask(Method::GET, "/api/calendars", None).await?;
        let connections = all["connections"].as_array().ok_or(Trouble::Missing("connections"))?;
        let last = connections.last().ok_or(Trouble::Missing("a connection"))?;
        let calendars = last["calendars"].as_array().ok_or(Trouble::Missing("calendars"))?;
        let main = calendars.iter().find(|calendar| calendar["primary"] == true);
        let main = text(main.ok_or(Trouble::Missing("a main calendar"))?, "id")?;
        for resource in resources {
            let wanted = json!({ "blocking": [main], "target": main });
            self.ask(Method::PUT, &format!("/api/resources/{resource}/calendars"), Some(&wanted)).await?;
        }
        Ok(main)
    }
}

fn text(value: &Value, name: &'static str) -> Result<String, Trouble> {
    value[name].as_str().map(str::to_owned).ok_or(Trouble::Missing(name))
}
