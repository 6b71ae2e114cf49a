//! The way out to addresses that tenants choose.
//!
//! Whatever a tenant types is asked here and nowhere else: over `https` only, and never at an address inside. What a
//! name leads to is looked up once and judged, and the connection is made to the very addresses that were judged, so a
//! name that leads elsewhere a moment later gains nothing. It follows no redirect, uses no proxy, keeps no connection
//! open, waits a limited time and reads a limited answer. It never repeats a request and never logs an address.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use metrics::counter;
use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_TYPE,
};
use serde::Deserialize;
use url::{Host, Url};

use super::{clock::Clock, metrics::LIMIT_REACHED_TOTAL};

/// How long it may take until a connection stands, encryption included.
pub const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long one request may take, from looking up the name to the end of the answer.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(15);
/// Longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest address, in bytes.
pub const URL_LEN_MAX: usize = 2_000;
/// How a program of ours names itself.
const USER_AGENT: &str = concat!("frontdesk/", env!("CARGO_PKG_VERSION"));

/// `[egress]` of the configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether addresses of tenants may be on this very machine, and without encryption there: for development.
    pub loopback: bool,
}

/// Why an address is not asked, whatever it may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no address, or is too long.
    #[error("must be an address such as https://example.com/path, at most {URL_LEN_MAX} characters")]
    NotAnAddress,
    /// It is not encrypted.
    #[error("must begin with https://")]
    Scheme,
    /// It carries a user or a password.
    #[error("must not contain a user or a password")]
    Credentials,
    /// It leads to a place that is not on the public internet.
    #[error("must lead to a public address")]
    Inside,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not asked.
    #[error("the address {0}")]
    Refused(#[from] Refusal),
    /// It cannot be reached, or broke off.
    #[error("the address cannot be reached")]
    Away(#[source] reqwest::Error),
    /// It took longer than [`ANSWER_WAIT_MAX`], or than [`CONNECT_WAIT_MAX`] to connect.
    #[error("the answer took too long")]
    TimedOut,
    /// Its answer is longer than [`ANSWER_BYTES_MAX`].
    #[error("the answer was too long")]
    TooLong,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status. A redirect is one, too.
    pub status: u16,
}

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
    loopback: bool,
    clock: Clock,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("loopback", &self.loopback).finish_non_exhaustive()
    }
}

impl Egress {
    /// The way out, by the machine's own way of looking up names.
    ///
    /// # Errors
    /// [`Error::Away`] when no client can be made, such as for want of a TLS library.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, Error> {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        });
        Self::with_lookup(settings, clock, lookup)
    }

    /// The way out, with names looked up by `lookup`.
    ///
    /// # Errors
    /// As [`Egress::new`].
    pub fn with_lookup(settings: Settings, clock: Clock, lookup: Lookup) -> Result<Self, Error> {
        let loopback = settings.loopback;
        let client = reqwest::Client::builder()
            .dns_resolver(Judging { lookup, loopback })
            .connect_timeout(CONNECT_WAIT_MAX / clock.pace())
            // Where it leads to was not judged.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!loopback)
            .retry(reqwest::retry::never())
            // What is judged is the connection: each is made, and judged, anew.
            .pool_max_idle_per_host(0)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| Error::Away(error.without_url()))?;
        Ok(Self { client, loopback, clock })
    }

    /// The address of that text, if it is one that may be asked as far as can be told without looking up its name.
    ///
    /// # Errors
    /// [`Refusal`] says what would be right.
    pub fn read(&self, text: &str) -> Result<Url, Refusal> {
        if text.len() > URL_LEN_MAX {
            return Err(Refusal::NotAnAddress);
        }
        let url = Url::parse(text).map_err(|_| Refusal::NotAnAddress)?;
        self.judge(&url)?;
        Ok(url)
    }

    /// Sends `body`, which is JSON, there with these fields in its head, and reads what comes back as far as it must.
    ///
    /// # Errors
    /// [`Error`] says what stood in the way; whoever is there may have got the body all the same.
    pub async fn post(
        &self,
        url: &Url,
        fields: &[(&'static str, String)],
        body: String,
    ) -> Result<Answer, Error> {
        self.judge(url)?;
        let asked = async {
            let request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body);
            let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, value));
            let mut answer = request.send().await.map_err(failed)?;
            let status = answer.status().as_u16();
            let mut length = 0;
            while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                length += chunk.len();
                if length > ANSWER_BYTES_MAX {
                    counter!(LIMIT_REACHED_TOTAL, "limit" => "egress_answer_bytes_max").increment(1);
                    return Err(Error::TooLong);
                }
            }
            Ok(Answer { status })
        };
        match self.clock.within(ANSWER_WAIT_MAX, asked).await {
            Some(answer) => answer,
            None => {
                counter!(LIMIT_REACHED_TOTAL, "limit" => "egress_answer_wait_max").increment(1);
                Err(Error::TimedOut)
            }
        }
    }

    /// What can be told of an address without looking up its name.
    fn judge(&self, url: &Url) -> Result<(), Refusal> {
        let host = url.host().ok_or(Refusal::NotAnAddress)?;
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        let here = match host {
            Host::Domain(name) => is_localhost(name),
            Host::Ipv4(_) | Host::Ipv6(_) => literal.is_some_and(is_loopback),
        };
        match url.scheme() {
            "https" => {}
            "http" if self.loopback && here => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let inside = literal.map_or(here && !self.loopback, |address| !allowed(address, self.loopback));
        if inside { Err(Refusal::Inside) } else { Ok(()) }
    }
}

/// Looks up names and hands on only addresses that may be asked; what it hands on is connected to.
struct Judging {
    lookup: Lookup,
    loopback: bool,
}

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, loopback) = ((self.lookup)(name.as_str().to_owned()), self.loopback);
        Box::pin(async move {
            let found = found.await?;
            // A name with one foot inside is not trusted with the other.
            if found.is_empty() || !found.iter().all(|address| allowed(address.ip(), loopback)) {
                return Err(Refusal::Inside.into());
            }
            let addrs: Addrs = Box::new(found.into_iter());
            Ok(addrs)
        })
    }
}

/// What kept a request from being answered, told apart by what lies beneath.
fn failed(error: reqwest::Error) -> Error {
    let mut beneath: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = beneath {
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return Error::Refused(*refusal);
        }
        beneath = cause.source();
    }
    if error.is_timeout() { Error::TimedOut } else { Error::Away(error.without_url()) }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn allowed(address: IpAddr, loopback: bool) -> bool {
    is_public(address) || (loopback && is_loopback(address))
}

/// Whether an address is on the public internet: neither private, shared (CGNAT), link-local, loopback, multicast nor
/// reserved, no cloud's metadata, and no form that carries another address inside (RFC 6890 and the registries it began).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, ..)
            | (169, 254, ..)
            | (172, 16..=31, ..)
            | (192, 168, ..)
            | (192, 0, 0 | 2, _)
            // The relays of 6to4, and AS112.
            | (192, 88, 99, _)
            | (192, 31, 196, _)
            | (192, 52, 193, _)
            | (192, 175, 48, _)
            | (198, 18..=19, ..)
            | (198, 51, 100, _)
            | (203, 0, 113, _)
            // Azure's own services, on every virtual machine.
            | (168, 63, 129, 16)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; in it, protocols (Teredo among them), documentation and 6to4 are not.
    let global = a & 0xe000 == 0x2000;
    let protocols = a == 0x2001 && b < 0x0200;
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    global && !protocols && !documentation && a != 0x2002
}
