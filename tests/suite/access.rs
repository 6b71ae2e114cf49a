//! The access to a connection's calendars: kept sealed, renewed once, lost once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use frontdesk::{
    app::{
        calendars::{Calendars, Trouble},
        keys::Keys,
    },
    boot,
    calendars::{
        Error,
        oauth::{Oauth, Tokens},
    },
    domain::{
        calendar::{Connection, ConnectionState, Grant, Vendor},
        id::{ConnectionId, TenantId},
        time::Timestamp,
        webhook::EventKind,
    },
    platform::{clock::Clock, secrets::Place, tasks::Tasks},
    store::{SealedColumn, SealedTokens, Store},
    telephony::PublicUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::support::{
    agenda::listen,
    consent_pages::{DIRECTORY, Pages},
    databases::{Fresh, on_both},
    house::{self, House},
    practice::Practice,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, and servers that may use it.
struct Scene {
    pages: Pages,
    store: Store,
    tenant: TenantId,
    connection: ConnectionId,
    keys: Keys,
}

impl Scene {
    /// Somebody has connected a calendar. Every access is good for no time at all, unless `life` says otherwise.
    async fn of(fresh: &Fresh, vendor: Vendor, grant: Grant, life: u64) -> Self {
        boot::install_tls();
        let pages = Pages::open().await;
        pages.inside().life = life;
        let practice = Practice::open(&fresh.store, "alpha").await;
        let now = Clock::system().now();
        let keys = Keys::load(&fresh.store, &house::KEY.into(), None, now).await.unwrap();
        let scene = Self {
            store: fresh.store.clone(),
            tenant: practice.tenant.id.clone(),
            connection: "cnx_1".parse().unwrap(),
            keys,
            pages,
        };
        let tokens = scene.agreed(vendor, grant).await;
        let sealed = SealedTokens {
            refresh: tokens.refresh.as_ref().map(|token| scene.seal(SealedColumn::RefreshToken, token)),
            access: Some(scene.seal(SealedColumn::AccessToken, &tokens.access)),
            access_expires: tokens.access_expires,
        };
        let made = Connection {
            id: scene.connection.clone(),
            vendor,
            grant,
            account: "owner@practice.example".to_owned(),
            directory: (grant == Grant::Organisation).then(|| DIRECTORY.to_owned()),
            personal: false,
            state: ConnectionState::Connected,
            problem: None,
            connected: now,
            since: now,
        };
        let mut tx = scene.store.begin(&scene.tenant).await.unwrap();
        tx.connections().add(&made, &BTreeSet::new(), &sealed, "usr_1").await.unwrap();
        tx.commit().await.unwrap();
        scene
    }

    async fn agreed(&self, vendor: Vendor, grant: Grant) -> Tokens {
        let config = self.pages.in_house(House::new()).config();
        let base = "https://voice.example.com";
        let oauth = Oauth::new(&config.google, &config.microsoft, base, Clock::system()).unwrap();
        let begun = oauth.begin(vendor, grant, None).unwrap();
        let back = url::Url::parse(&self.pages.agree(begun.url.as_str()).await).unwrap();
        if grant == Grant::Organisation {
            return oauth.of_organisation(DIRECTORY).await.unwrap();
        }
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        oauth.redeem(vendor, None, &code.into(), &begun.verifier).await.unwrap()
    }

    fn place(&self, column: SealedColumn) -> Place<'_> {
        Place { owner: Some(&self.tenant), column: column.name(), row: self.connection.as_str() }
    }

    fn seal(&self, column: SealedColumn, token: &SecretString) -> Vec<u8> {
        self.keys.seal(self.place(column), token).unwrap()
    }

    /// A server of its own, on the same database.
    fn server(&self) -> Calendars {
        let config = self.pages.in_house(House::new()).config();
        let public = PublicUrl::local("127.0.0.1:1".parse().unwrap());
        let people = boot::people(&config, &self.store, &public, &self.keys).unwrap();
        let (clock, tasks) = (Clock::system(), Tasks::new());
        boot::calendars(&config, &self.store, &self.keys, &people, &public, clock, &tasks).unwrap()
    }

    async fn refresh_token(&self) -> String {
        let mut tx = self.store.read(&self.tenant).await.unwrap();
        let sealed = tx.connections().way(&self.connection).await.unwrap().unwrap().refresh.unwrap();
        let opened = self.keys.open(self.place(SealedColumn::RefreshToken), &sealed).await.unwrap();
        opened.expose_secret().to_owned()
    }

    async fn state(&self) -> ConnectionState {
        let mut tx = self.store.read(&self.tenant).await.unwrap();
        tx.connections().get(&self.connection).await.unwrap().unwrap().state
    }

    /// Asks for nothing but the access itself.
    async fn access(&self, server: &Calendars, patience: Duration) -> Result<String, Trouble> {
        let asked = server.ask(&self.tenant, &self.connection, patience, async |access| {
            Ok(access.token.expose_secret().to_owned())
        });
        asked.await
    }
}

on_both! {
    async fn a_replaced_refresh_token_is_kept_before_it_is_used(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Microsoft, Grant::Person, 0).await;
        let mut seen = BTreeSet::from([scene.refresh_token().await]);
        for round in 1..=4 {
            // Each time another server, so that nothing but the database can know the token.
            let server = scene.server();
            let kept = server.ask(&scene.tenant, &scene.connection, PATIENCE, async |access| {
                let access = access.token.expose_secret().to_owned();
                Ok((access, scene.refresh_token().await))
            });
            let (access, refresh) = kept.await.unwrap();
            assert!(seen.insert(refresh), "the fresh token is kept when the access is first used");
            assert!(scene.pages.inside().secrets.contains(&access));
            assert_eq!(scene.pages.asked("refresh_token"), round);
        }
        assert_eq!(scene.state().await, ConnectionState::Connected);
    }

    async fn many_servers_that_ask_at_once_renew_once(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Microsoft, Grant::Person, 0).await;
        scene.pages.inside().life = 3_600;
        let servers = [scene.server(), scene.server(), scene.server()];
        let asking = servers.iter().flat_map(|server| [server, server, server]);
        let all = futures_util::future::join_all(asking.map(|server| scene.access(server, PATIENCE))).await;
        let all: BTreeSet<String> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!((all.len(), scene.pages.asked("refresh_token")), (1, 1), "one access for all");
    }

    async fn a_renewal_goes_on_when_nobody_waits_for_it(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Microsoft, Grant::Person, 0).await;
        scene.pages.inside().life = 3_600;
        let server = scene.server();
        let gate = Arc::clone(&scene.pages.inside().gate);
        let closed = gate.lock().await;
        let before = scene.refresh_token().await;
        let vendor_asked = async {
            while scene.pages.asked("refresh_token") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            access = scene.access(&server, PATIENCE) => panic!("the vendor has not answered: {access:?}"),
            () = vendor_asked => {}
        }
        drop(closed);
        let renewed = tokio::time::timeout(PATIENCE, async {
            while scene.refresh_token().await == before {
                tokio::task::yield_now().await;
            }
        });
        renewed.await.expect("what the vendor has replaced is kept");
        scene.access(&server, PATIENCE).await.unwrap();
        assert_eq!(scene.pages.asked("refresh_token"), 1);
    }

    async fn a_turn_that_a_crashed_server_has_left_behind_ends(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 0).await;
        scene.pages.inside().life = 3_600;
        let take = async |from: Timestamp, until: Timestamp| {
            let mut tx = scene.store.begin(&scene.tenant).await.unwrap();
            let taken = tx.connections().take_turn(&scene.connection, 1, from, until).await.unwrap();
            tx.commit().await.unwrap();
            taken
        };
        let server = scene.server();
        let now = Clock::system().now();
        assert!(take(now, now.plus_millis(3_000)).await);
        assert!(!take(now, now.plus_millis(3_100)).await, "one has it");
        assert!(!take(now, now.plus_millis(2_999)).await, "also for one whose clock is a little behind");
        let waited = scene.access(&server, Duration::from_millis(100)).await;
        assert!(matches!(waited, Err(Trouble::Vendor(Error::Away(None)))), "it is another's turn: {waited:?}");
        scene.access(&server, PATIENCE).await.unwrap();
        assert_eq!(scene.pages.asked("refresh_token"), 1);
        // One that a clock far ahead has given keeps nobody waiting.
        let ahead = Timestamp(now.0 + 7_200_000_000);
        let mut tx = scene.store.begin(&scene.tenant).await.unwrap();
        assert!(tx.connections().take_turn(&scene.connection, 2, ahead, ahead.plus_minutes(1)).await.unwrap());
        assert!(tx.connections().take_turn(&scene.connection, 2, now, now.plus_minutes(1)).await.unwrap());
    }

    async fn what_is_turned_away_again_and_again_is_not_renewed_again_and_again(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 3_600).await;
        let server = scene.server();
        let questions = AtomicUsize::new(0);
        for _ in 0..5 {
            let asked = server.ask(&scene.tenant, &scene.connection, PATIENCE, async |_| {
                questions.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(Error::Expired)
            });
            let asked = asked.await;
            assert!(matches!(asked, Err(Trouble::Vendor(Error::Expired))), "{asked:?}");
        }
        assert_eq!(scene.pages.asked("refresh_token"), 1);
        assert_eq!(questions.load(Ordering::Relaxed), 6, "once more after the one renewal, and once each");
        assert_eq!(scene.state().await, ConnectionState::Connected);
    }

    async fn a_consent_the_vendor_finds_wanting_is_lost_once(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 3_600).await;
        listen(&scene.store, &scene.tenant).await;
        let server = scene.server();
        let questions = AtomicUsize::new(0);
        for _ in 0..3 {
            let asked = server.ask(&scene.tenant, &scene.connection, PATIENCE, async |_| {
                questions.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(Error::ConsentGone("a right is missing"))
            });
            let asked = asked.await;
            assert!(matches!(asked, Err(Trouble::Apart(ConnectionState::Reconnect))), "{asked:?}");
        }
        assert_eq!(questions.load(Ordering::Relaxed), 1);
        let mut tx = scene.store.read(&scene.tenant).await.unwrap();
        let way = tx.connections().way(&scene.connection).await.unwrap().unwrap();
        assert!(way.refresh.is_none() && way.access.is_none(), "what lets nobody in is not kept");
        let told = tx.deliveries().page(&"whk_1".parse().unwrap(), None, None, 10).await.unwrap().items;
        assert_eq!(told.len(), 1, "the tenant's own programs are told once, too");
        assert_eq!(told[0].kind, EventKind::CalendarDisconnected);
        assert!(told[0].payload.contains("\"reconnect\""));
    }

    async fn an_organisation_is_entered_anew_without_a_refresh_token(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Microsoft, Grant::Organisation, 0).await;
        let server = scene.server();
        let before = scene.pages.asked("client_credentials");
        let access = scene.access(&server, PATIENCE).await.unwrap();
        assert!(access.starts_with("eyJorganisation"));
        assert_eq!(scene.pages.asked("client_credentials"), before + 1);
        // Its administrator takes the application away.
        scene.pages.inside().agreed.clear();
        let asked = scene.access(&server, PATIENCE).await;
        assert!(matches!(asked, Err(Trouble::Apart(ConnectionState::Reconnect))), "{asked:?}");
        assert_eq!(scene.state().await, ConnectionState::Reconnect);
    }

    async fn tokens_that_cannot_be_opened_are_not_thrown_away(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 3_600).await;
        let config = scene.pages.in_house(House::new()).config();
        let public = PublicUrl::local("127.0.0.1:1".parse().unwrap());
        // A server that was started with another key.
        let other = Keys::passing(&scene.store).unwrap();
        let people = boot::people(&config, &scene.store, &public, &other).unwrap();
        let (clock, tasks) = (Clock::system(), Tasks::new());
        let server =
            boot::calendars(&config, &scene.store, &other, &people, &public, clock, &tasks).unwrap();
        let asked = scene.access(&server, PATIENCE).await;
        assert!(matches!(asked, Err(Trouble::Vendor(Error::Garbled(_)))), "{asked:?}");
        assert_eq!(scene.state().await, ConnectionState::Connected);
        scene.access(&scene.server(), PATIENCE).await.unwrap();
        assert_eq!(scene.pages.asked("refresh_token"), 0);
    }

    async fn who_has_been_disconnected_elsewhere_is_not_asked(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 3_600).await;
        let server = scene.server();
        scene.access(&server, PATIENCE).await.unwrap();
        let mut tx = scene.store.begin(&scene.tenant).await.unwrap();
        assert!(tx.connections().give_up(&scene.connection, Clock::system().now()).await.unwrap());
        tx.commit().await.unwrap();
        let asked = scene.access(&server, PATIENCE).await;
        assert!(matches!(asked, Err(Trouble::Apart(ConnectionState::Disconnected))), "{asked:?}");
        let nobody = "cnx_nobody".parse().unwrap();
        let asked = server.ask(&scene.tenant, &nobody, PATIENCE, async |_| Ok(())).await;
        assert!(matches!(asked, Err(Trouble::Apart(ConnectionState::Disconnected))), "{asked:?}");
    }

    async fn a_vendor_that_fails_is_left_alone_for_a_while(fresh: Fresh) {
        let scene = Scene::of(&fresh, Vendor::Google, Grant::Person, 0).await;
        let server = scene.server();
        scene.pages.inside().instead.push_back((500, json!({})));
        let asked = scene.access(&server, PATIENCE).await;
        assert!(matches!(asked, Err(Trouble::Vendor(Error::Away(_)))), "{asked:?}");
        for _ in 0..5 {
            let asked = scene.access(&server, PATIENCE).await;
            assert!(matches!(asked, Err(Trouble::Vendor(Error::Resting { .. }))), "{asked:?}");
        }
        assert_eq!(scene.pages.asked("refresh_token"), 1);
    }
}
