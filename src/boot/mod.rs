//! Reads the configuration, builds everything once, waits, leaves.
//!
//! It wires; it decides nothing about calls, bookings or who may do what. The server, the demo and the tests start
//! the same way: [`start`].

pub mod config;
pub mod doctor;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use metrics::counter;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tracing::{info, warn};

use self::config::{Config, Secrets};
use crate::{
    app::{
        accounts::{self, Accounts},
        bookings::Ledger,
        calendars::{self, Calendars},
        clips,
        findings::Doctor,
        health::Health,
        keys::{self, Keys},
        news::News,
        outgoing::dialling::Dialler,
        people::{self, People},
        voices::Voices,
        webhooks::Webhooks,
    },
    calendars::{
        self as vendors,
        oauth::{self, Oauth},
    },
    http::{self, Doors},
    jobs::{self, Hands, Post, Runner},
    live::{self, Lines},
    mail::{self, Mailer},
    platform::{
        blobs::{self, Blobs},
        clock::Clock,
        egress::{self, Egress},
        metrics::LIMIT_REACHED_TOTAL,
        passwords::Passwords,
        secrets,
        tasks::Tasks,
        tokens::Signer,
    },
    store::{self, Lane, Store},
    telephony::{
        self, PublicUrl,
        rest::{self, Rest},
    },
};

/// How long the last tasks have to end after everything was asked to.
const ENDING_MS_MAX: u64 = 10_000;
/// How often the figures are tidied, so that they take no more room than they need.
const FIGURES_PERIOD: Duration = Duration::from_secs(5);
/// How often calls in the air are counted while leaving.
const DRAIN_LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Store(#[from] store::Error),
    /// Somebody must bring the tables up to date first.
    #[error("the tables are {0} steps behind this program: run `frontdesk migrate` first")]
    MigrationsPending(usize),
    /// The database would not hold the walls between tenants.
    #[error(
        "the walls between tenants do not hold; give the program a user of its own in `database.url`, and the tables' \
         owner in `database.owner_url`; or set `database.trust_any_user`"
    )]
    Walls(#[from] store::Breach),
    /// Recordings cannot be kept.
    #[error("recordings cannot be kept")]
    Blobs(#[from] blobs::Error),
    /// Mails cannot be sent as it is configured.
    #[error("mails cannot be sent")]
    Mail(#[from] mail::Error),
    /// The configured key is none, or no good.
    #[error("`secrets.key` (FRONTDESK__SECRETS__KEY) cannot be used")]
    Secrets(#[from] secrets::Error),
    /// What is sealed in the database cannot be opened.
    #[error("what is sealed in the database cannot be used")]
    Keys(#[from] keys::Error),
    /// The carrier's API cannot be used.
    #[error("the carrier's API cannot be used")]
    Rest(#[from] rest::Error),
    /// Calendars' APIs cannot be used.
    #[error("calendars' APIs cannot be used")]
    Calendars(#[from] vendors::Error),
    /// Nor the way to consent.
    #[error("calendars cannot be connected")]
    Oauth(#[from] oauth::Error),
    /// Nor what tenants name as their own programs.
    #[error("webhooks cannot be told anything")]
    Egress(#[from] egress::Error),
    /// Nobody can listen at that address.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
}

/// Installs the one TLS library for the whole process. Safe to call twice.
pub fn install_tls() {
    // It is refused when another was installed first, which then serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Opens the database. An embedded one is brought up to date, since nobody else looks after it.
///
/// # Errors
/// [`Error::MigrationsPending`] when a database that others share is behind this program.
pub async fn open_store(config: &Config) -> Result<Store, Error> {
    let store = Store::open(&config.database).await?;
    if store.embedded() {
        store.migrate().await?;
    }
    match store.migrations_pending().await? {
        0 => {}
        steps => return Err(Error::MigrationsPending(steps)),
    }
    match store.walls().await? {
        Err(breach) if config.database.trust_any_user => {
            warn!(%breach, "nothing but this program keeps tenants apart");
        }
        walls => walls?,
    }
    Ok(store)
}

/// A server that answers calls.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it keeps.
    pub store: Store,
    /// Where it keeps recordings.
    pub blobs: Blobs,
    /// What opens them.
    pub keys: Keys,
    /// The calls in the air.
    pub lines: Lines,
    /// Calendars outside.
    pub calendars: Calendars,
    /// Programs of tenants that are told what happens.
    pub webhooks: Webhooks,
    /// Twilio, and who asks it.
    pub accounts: Accounts,
    tasks: Tasks,
    clock: Clock,
    drain: Duration,
}

/// Builds everything there is and begins to answer.
///
/// # Errors
/// Whatever keeps it from answering; then nothing runs.
pub async fn start(config: Config, clock: Clock) -> Result<Running, Error> {
    install_tls();
    let tasks = Tasks::new();
    let store = open_store(&config).await?;
    let blobs = Blobs::open(&config.blobs)?;

    let listener = TcpListener::bind(config.http.bind).await;
    let listener = listener.map_err(|error| Error::Listen(config.http.bind, error))?;
    let addr = listener.local_addr().map_err(|error| Error::Listen(config.http.bind, error))?;

    let keys = keys(&config, &store, clock).await?;
    let accounts = accounts(&config, &store, &keys)?;
    let figures = http::metrics::recorder();
    let public = public_url(&config, addr);
    let people = people(&config, &store, &public, &keys)?;
    let calendars = calendars(&config, &store, &keys, &people, &public, clock, &tasks)?;
    let webhooks = webhooks(&config, &store, &keys, clock)?;
    let ledger = Ledger::new(store.clone(), calendars.clone());
    let lines = Lines::new(live::Parts {
        store: store.clone(),
        ledger: ledger.clone(),
        blobs: blobs.clone(),
        keys: keys.clone(),
        speech: config.openai.clone(),
        accounts: accounts.clone(),
        detector: config.audio.detector,
        limits: config.limits.clone(),
        clock,
        tasks: tasks.clone(),
    });
    let prices = config.twilio.prices();
    let examined = Arc::new(config.clone());
    let doctor = Doctor::new(
        Arc::new(move |now| {
            let config = Arc::clone(&examined);
            Box::pin(async move { doctor::examine(&config, now).await })
        }),
        tasks.clone(),
        clock,
    );
    let doors = Doors {
        store: store.clone(),
        lines: lines.clone(),
        ledger,
        public_url: public.clone(),
        health: Health {
            store: store.clone(),
            engine_key: config.openai.has_key(),
            telephone: config.http.public_url.is_some() && knows_account(&config.twilio),
            tasks: tasks.clone(),
            clock,
        },
        doctor,
        twilio: Arc::new(config.twilio),
        accounts: accounts.clone(),
        calendars: calendars.clone(),
        webhooks: webhooks.clone(),
        figures: figures.clone(),
        tasks: tasks.clone(),
        clock,
        request_ms_max: config.http.request_ms_max,
        webhook_body_bytes_max: config.http.webhook_body_bytes_max,
        api_body_bytes_max: config.http.api_body_bytes_max,
        blobs: blobs.clone(),
        keys: keys.clone(),
        voices: Voices::new(config.openai.clone(), clock),
        streams: http::api::events::Streams::new(config.limits.event_streams_max),
        people: people.clone(),
        limits: http::limits::Limits::new(&config.rate_limits),
        trusted_proxies: config.http.trusted_proxies.into(),
        cors_origins: config.http.cors_origins.into_iter().map(|origin| origin.0).collect(),
    };
    tasks.spawn_vital("notifications", jobs::notify(store.clone(), people.clone(), clock, tasks.clone()));
    if let Some(mailer) = Mailer::new(&config.mail)? {
        let post = Post { store: store.clone(), people, mailer, clock, tasks: tasks.clone() };
        tasks.spawn_vital("mail", post.run());
    }
    let router = http::router(doors);
    tasks.spawn_vital("listener", http::listener::serve(listener, router, tasks.clone(), clock));
    let speech = config.openai.clone();
    let dialler = Dialler { store: store.clone(), accounts: accounts.clone() };
    let leftovers = jobs::erase_leftovers(store.clone(), accounts.clone(), clock, tasks.clone());
    tasks.spawn_vital("leftovers", leftovers);
    tasks.spawn_vital("dialling", jobs::dial(dialler, clock, tasks.clone()));
    let hands = Hands {
        store: store.clone(),
        blobs: blobs.clone(),
        keys: keys.clone(),
        speech,
        accounts: accounts.clone(),
        calendars: calendars.clone(),
        webhooks: webhooks.clone(),
        clock,
    };
    tasks.spawn_vital("figures", jobs::count(store.clone(), prices, clock, tasks.clone()));
    tasks.spawn_vital("calendars", jobs::look_after(calendars.clone(), clock, tasks.clone()));
    let handler = hands.handler();
    for (name, lane) in [("jobs", Lane::Slow), ("prompt jobs", Lane::Prompt), ("telling jobs", Lane::Telling)]
    {
        let runner = Runner::new(store.clone(), clock, tasks.clone(), handler.clone(), lane);
        tasks.spawn_vital(name, runner.run());
    }
    if config.openai.has_key() {
        let store = store.clone();
        tasks.spawn(async move {
            if let Err(error) = clips::ask_for_all(&store, clock.now()).await {
                warn!(error = &error as &dyn std::error::Error, "clips could not be asked for");
            }
        });
    }
    tasks.spawn(keys.clone().keep_up(tasks.clone(), clock));
    tasks.spawn(tidy_figures(figures, tasks.clone(), clock));

    info!(%addr, database = store.kind(), "frontdesk answers");
    if !config.openai.has_key() {
        warn!("there is no engine key: callers hear an apology; `frontdesk doctor` says more");
    }
    let drain = Duration::from_millis(config.limits.drain_ms_max);
    Ok(Running { addr, store, blobs, keys, lines, calendars, webhooks, accounts, tasks, clock, drain })
}

impl Running {
    /// Waits until something the server cannot be without has ended of itself; its name.
    pub async fn fallen(&self) -> &'static str {
        self.tasks.fallen().await
    }

    /// Leaves softly: takes no more calls and waits until the ones in the air are over, or have had their time.
    pub async fn leave(&self) {
        self.tasks.leave();
        let watch = self.clock.stopwatch();
        while self.lines.in_air() > 0 && watch.elapsed() < self.drain {
            self.clock.sleep(DRAIN_LOOK_PERIOD).await;
        }
        let left = self.lines.in_air();
        if left > 0 {
            counter!(LIMIT_REACHED_TOTAL, "limit" => "drain_ms_max").increment(1);
            warn!(calls = left, "calls are still in the air; they are told goodbye");
        }
    }

    /// Leaves hard: says goodbye in every call, hangs up, ends everything.
    pub async fn stop(self) {
        self.tasks.stop();
        let ended = self.clock.within(Duration::from_millis(ENDING_MS_MAX), self.tasks.ended()).await;
        if ended.is_none() {
            warn!(tasks = self.tasks.running(), "some tasks did not end in time");
        }
        self.store.close().await;
        info!("frontdesk has left");
    }
}

/// The keys that seal what is secret in the database. Without a configured one, what is sealed ends with this process.
///
/// # Errors
/// [`Error::Keys`], also when the configured key is none.
pub async fn keys(config: &Config, store: &Store, clock: Clock) -> Result<Keys, Error> {
    let Secrets { key, previous_key } = &config.secrets;
    if key.expose_secret().is_empty() {
        return Ok(Keys::passing(store)?);
    }
    let previous = Some(previous_key).filter(|key| !key.expose_secret().is_empty());
    Ok(Keys::load(store, key, previous, clock.now()).await?)
}

/// Refuses to serve under a key that is missing, too short or easily guessed.
///
/// # Errors
/// [`Error::Secrets`].
pub fn check_key(config: &Config) -> Result<(), Error> {
    Ok(secrets::check(&config.secrets.key)?)
}

/// What lets people and programs in, and writes to them. Without a configured key, tokens end with this process; those
/// signed under the former key stay good.
///
/// # Errors
/// [`Error::Secrets`] when the configured key is none.
pub fn people(config: &Config, store: &Store, public: &PublicUrl, keys: &Keys) -> Result<People, Error> {
    let key = if config.secrets.key.expose_secret().is_empty() {
        secrets::fresh_key()
    } else {
        config.secrets.key.clone()
    };
    let previous = Some(&config.secrets.previous_key).filter(|key| !key.expose_secret().is_empty());
    let console = config.http.console_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    Ok(People::new(people::Parts {
        store: store.clone(),
        passwords: Passwords::new(),
        signer: Signer::new([&key].into_iter().chain(previous)).map_err(|_| secrets::Error::NotAKey)?,
        keys: keys.clone(),
        console: console.unwrap_or_else(|| public.webhook("/console")),
        settings: config.people.clone(),
    }))
}

/// Twilio's accounts, and the way to Twilio. Without a configured key no token of a tenant's is kept.
///
/// # Errors
/// [`Error::Rest`].
pub fn accounts(config: &Config, store: &Store, keys: &Keys) -> Result<Accounts, Error> {
    Ok(Accounts::new(accounts::Parts {
        store: store.clone(),
        keys: keys.clone(),
        settings: config.twilio.clone(),
        rest: Rest::new(&config.twilio)?,
        public_url: config.http.public_url.clone(),
    }))
}

/// The calendars outside, and the way to connect them. Without a configured key no token of a tenant's is kept.
///
/// # Errors
/// [`Error::Calendars`]; [`Error::Oauth`].
pub fn calendars(
    config: &Config,
    store: &Store,
    keys: &Keys,
    people: &People,
    public: &PublicUrl,
    clock: Clock,
    tasks: &Tasks,
) -> Result<Calendars, Error> {
    let public_url = public.webhook("");
    let console = config.http.console_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    Ok(Calendars::new(calendars::Parts {
        store: store.clone(),
        keys: keys.clone(),
        people: people.clone(),
        vendors: vendors::Calendars::new(&config.google, &config.microsoft, clock)?,
        news: News::default(),
        oauth: Oauth::new(&config.google, &config.microsoft, &public_url, clock)?,
        clock,
        tasks: tasks.clone(),
        console,
        public_url,
    }))
}

/// Programs of tenants that are told what happens. Without a configured key no secret of theirs is kept.
///
/// # Errors
/// [`Error::Egress`].
pub fn webhooks(config: &Config, store: &Store, keys: &Keys, clock: Clock) -> Result<Webhooks, Error> {
    let egress = Egress::new(config.egress, clock)?;
    Ok(Webhooks::new(store.clone(), keys.clone(), egress, clock))
}

/// The configured public URL; without one, where this server listens, which serves a demo on one machine.
pub fn public_url(config: &Config, addr: SocketAddr) -> PublicUrl {
    config.http.public_url.clone().unwrap_or_else(|| PublicUrl::local(addr))
}

fn knows_account(twilio: &telephony::Settings) -> bool {
    twilio.auth_token_of(&twilio.account_sid).is_some() || !twilio.accounts.is_empty()
}

/// Keeps the figures small while nobody looks at them.
async fn tidy_figures(figures: metrics_exporter_prometheus::PrometheusHandle, tasks: Tasks, clock: Clock) {
    while !tasks.is_leaving() {
        tokio::select! {
            () = clock.sleep(FIGURES_PERIOD) => figures.run_upkeep(),
            () = tasks.leaving() => {}
        }
    }
}
