//! A running server with people who use it over HTTP.

use std::net::SocketAddr;

use frontdesk::{
    app::keys::Keys,
    boot::{self, Running},
    platform::clock::Clock,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::house::House;

/// A password that everybody here may choose.
pub const PASSWORD: &str = "seven quiet herons at dusk";

/// A server and the house it lives in.
pub struct Office {
    /// The server.
    pub server: Running,
    /// Its configuration and folder.
    pub house: House,
    client: Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
    /// The head.
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// The problem's kind, without what all have in common.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("urn:frontdesk:problem:")
    }

    /// Where the problem's faults are.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// The body, if it was well.
    #[track_caller]
    pub fn well(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    /// The field of the head, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Somebody who asks: with a token, or nobody in particular.
#[derive(Clone, Debug)]
pub struct Asker {
    client: Client,
    addr: SocketAddr,
    /// The access token or API key.
    pub token: Option<String>,
    /// What logging in answered.
    pub grant: Value,
}

impl Office {
    /// A server on an embedded database, where everybody may try to log in as often as they like.
    pub async fn open() -> Self {
        Self::open_in(House::new()).await
    }

    /// The same in this house.
    pub async fn open_in(house: House) -> Self {
        let house =
            house.with("RATE_LIMITS__AUTHENTICATION", "100000").with("RATE_LIMITS__STRANGERS", "100000");
        Self::open_as_it_is(house, Clock::system()).await
    }

    /// A server in this house, by this clock.
    pub async fn open_as_it_is(house: House, clock: Clock) -> Self {
        let server = boot::start(house.config(), clock).await.unwrap();
        Self { server, house, client: Client::new() }
    }

    /// Somebody without a token at a server that was started otherwise.
    pub fn at(addr: SocketAddr) -> Asker {
        Asker { client: Client::new(), addr, token: None, grant: Value::Null }
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Asker {
        Asker { client: self.client.clone(), addr: self.server.addr, token: None, grant: Value::Null }
    }

    /// Somebody with this token.
    pub fn bearer(&self, token: &str) -> Asker {
        Asker { token: Some(token.to_owned()), ..self.stranger() }
    }

    /// The owner of a tenant that registers under this name, `owner@NAME.example`.
    pub async fn owner(&self, name: &str) -> Asker {
        let email = format!("owner@{name}.example");
        let wanted = json!({ "tenant": name, "email": email, "password": PASSWORD });
        self.granted(self.stranger().post("/auth/register", wanted).await.well())
    }

    /// Whoever has that address, logged in.
    pub async fn login(&self, email: &str) -> Asker {
        let wanted = json!({ "email": email, "password": PASSWORD });
        self.granted(self.stranger().post("/auth/login", wanted).await.well())
    }

    /// Somebody who was let in.
    pub fn granted(&self, grant: Value) -> Asker {
        Asker { token: grant["access_token"].as_str().map(str::to_owned), grant, ..self.stranger() }
    }

    /// An operator, `NAME@platform.example`, made the way the command line does, and logged in.
    pub async fn operator(&self, name: &str) -> Asker {
        let email = format!("{name}@platform.example");
        let people = boot::people(
            &self.house.config(),
            &self.server.store,
            &frontdesk::telephony::PublicUrl::local(self.server.addr),
            &Keys::passing(&self.server.store).unwrap(),
        );
        let password = PASSWORD.into();
        people
            .unwrap()
            .make_operator(&email.parse().unwrap(), &password, Clock::system().now())
            .await
            .unwrap();
        self.login(&email).await
    }

    /// Somebody who joins the owner's tenant with that role, `NAME@ROLE.example`. Makes room for them.
    pub async fn member(&self, owner: &Asker, name: &str, role: &str) -> Asker {
        self.seats(owner, 1_000).await;
        let email = format!("{name}@{role}.example");
        owner.post("/api/invitations", json!({ "email": email, "role": role })).await.well();
        let token = self.link_to(&email).await;
        let wanted = json!({ "token": token, "password": PASSWORD });
        self.granted(self.stranger().post("/auth/accept", wanted).await.well())
    }

    /// Gives the owner's tenant so many seats.
    pub async fn seats(&self, owner: &Asker, seats_max: u32) {
        let tenant = owner.tenant().parse().unwrap();
        let mut tx = self.server.store.begin(&tenant).await.unwrap();
        let mut kept = tx.tenant().get().await.unwrap().unwrap();
        kept.seats_max = seats_max;
        tx.tenant().put(&kept).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What the link in the latest mail to that address ends in.
    pub async fn link_to(&self, email: &str) -> String {
        let operator = self.operator("reader").await;
        let mut cursor = String::new();
        let mut found = None;
        loop {
            let page = operator.get(&format!("/api/outbox?limit=200{cursor}")).await.well();
            for mail in page["items"].as_array().unwrap() {
                if mail["to"] == email {
                    found = mail["link"].as_str().map(str::to_owned);
                }
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let link = found.expect("a mail with a link");
        link.split_once("#token=").unwrap().1.to_owned()
    }
}

impl Asker {
    /// The same, let in.
    pub fn with(self, grant: Value) -> Self {
        Self { token: grant["access_token"].as_str().map(str::to_owned), grant, ..self }
    }

    /// The id of the tenant at which this person acts.
    pub fn tenant(&self) -> &str {
        self.grant["tenant"]["id"].as_str().unwrap()
    }

    /// The person's id.
    pub fn user(&self) -> &str {
        self.grant["user"]["id"].as_str().unwrap()
    }

    /// What gets the next pair of tokens.
    pub fn refresh_token(&self) -> &str {
        self.grant["refresh_token"].as_str().unwrap()
    }

    /// A request, to be sent with [`sent`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.addr));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Looks.
    pub async fn get(&self, path: &str) -> Answer {
        sent(self.request(Method::GET, path)).await
    }

    /// Makes or does.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        sent(self.request(Method::POST, path).json(&body)).await
    }

    /// Changes.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        sent(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Puts something in its place.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        sent(self.request(Method::PUT, path).json(&body)).await
    }

    /// Takes away.
    pub async fn delete(&self, path: &str) -> Answer {
        sent(self.request(Method::DELETE, path)).await
    }
}

/// What comes back.
pub async fn sent(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    Answer { status, body, headers }
}
