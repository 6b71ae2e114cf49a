//! Coming in, going out, and what ends at once: on both databases, with the time handed in.

use frontdesk::{
    app::{
        Error,
        access::{Actor, Who},
        keys::Keys,
        people::{
            self, People,
            entry::{
                GRACE_MS, GRACE_USES_MAX, Grant, Registration, SESSION_MINUTES, SESSION_MINUTES_MAX,
                USED_KEPT_MINUTES,
            },
            invitations::{self, INVITATION_MINUTES, PER_DAY_MIN},
            members,
            outbox::MAILS_KEPT_MINUTES,
            passwords::{OPEN_MAX, RESET_MINUTES},
        },
        support,
    },
    domain::{assistant::Language, email::Email, id::SessionId, org::Tenant, people::Role, time::Timestamp},
    jobs,
    platform::{passwords::Passwords, tokens::Signer},
    store::{AuditFilter, MailState, Store},
};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    passwords::older_hash,
    support::{
        databases::on_both,
        practice::{MONDAY_8 as NOW, at},
    },
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PASSWORD: &str = "seven quiet herons at dusk";
const NEXT_PASSWORD: &str = "eight loud starlings at noon";

/// Whoever lets people in, and what it cost so far.
struct Desk {
    people: People,
    passwords: Passwords,
    store: Store,
}

impl Desk {
    fn of(store: &Store) -> Self {
        let key = SecretString::from(KEY);
        let passwords = Passwords::new();
        let people = People::new(people::Parts {
            store: store.clone(),
            passwords: passwords.clone(),
            signer: Signer::new([&key]).unwrap(),
            keys: Keys::passing(store).unwrap(),
            console: "https://desk.example.com/console".to_owned(),
            settings: people::Settings {
                registration: true,
                zone: "Europe/Berlin".parse().unwrap(),
                operators_second_factor: false,
            },
        });
        Self { people, passwords, store: store.clone() }
    }

    async fn owner(&self, name: &str) -> Grant {
        let registration = Registration {
            tenant: name.to_owned(),
            name: String::new(),
            email: email(name),
            password: PASSWORD.into(),
            code: None,
            language: Language::English,
            zone: None,
        };
        self.people.register(registration, NOW).await.unwrap()
    }

    async fn member(&self, owner: &Grant, name: &str, role: Role) -> Grant {
        self.seats(owner, 1_000).await;
        let by = self.actor(owner).await;
        self.people.invite(&by, &email(name), role, None, NOW).await.unwrap();
        let token = self.token(name).await;
        self.people.accept(&token, &SecretString::from(PASSWORD), "", Language::German, NOW).await.unwrap()
    }

    async fn actor(&self, grant: &Grant) -> Actor {
        self.people.know(grant.access_token.expose_secret(), NOW).await.unwrap().actor.unwrap()
    }

    async fn knows(&self, grant: &Grant, now: Timestamp) -> bool {
        self.people.know(grant.access_token.expose_secret(), now).await.is_ok()
    }

    async fn refreshes(&self, grant: &Grant, now: Timestamp) -> Result<Grant, Error> {
        self.people.refresh(&grant.refresh_token, now).await
    }

    async fn login(&self, name: &str, password: &str, now: Timestamp) -> Result<Grant, Error> {
        self.people.login(&email(name), &SecretString::from(password), None, now).await
    }

    async fn seats(&self, owner: &Grant, seats_max: u32) {
        let mut tx = self.store.begin(&owner.at.as_ref().unwrap().tenant).await.unwrap();
        let kept = tx.tenant().get().await.unwrap().unwrap();
        tx.tenant().put(&Tenant { seats_max, ..kept }).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What the link in the latest mail to somebody ends in.
    async fn token(&self, name: &str) -> SecretString {
        let mails = self.people.mails(None, 200).await.unwrap().items;
        let mail = mails.iter().rfind(|opened| opened.mail.recipient == email(name)).expect("a mail");
        SecretString::from(mail.link().unwrap().split_once("#token=").unwrap().1.to_owned())
    }
}

fn email(name: &str) -> Email {
    format!("{name}@example.com").parse().unwrap()
}

fn after_ms(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

on_both! {
    async fn a_refresh_token_is_good_once_and_for_a_second_tab_within_ten_seconds(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let first = desk.owner("ada").await;
        let second = desk.refreshes(&first, after_ms(60_000)).await.unwrap();
        assert_ne!(second.refresh_token.expose_secret(), first.refresh_token.expose_secret());
        let tab = desk.refreshes(&first, after_ms(60_000 + GRACE_MS)).await.unwrap();
        for pair in [&second, &tab] {
            assert!(desk.knows(pair, after_ms(80_000)).await, "both tabs go on");
        }
        assert!(desk.refreshes(&tab, after_ms(90_000)).await.is_ok());
        let late = desk.refreshes(&first, after_ms(60_000 + GRACE_MS + 1)).await;
        assert!(matches!(late, Err(Error::Unauthenticated(_))), "{late:?}");
        assert!(!desk.knows(&second, after_ms(95_000)).await, "whoever has the old one has the others, too");
        for pair in [&first, &second, &tab] {
            assert!(desk.refreshes(pair, after_ms(95_000)).await.is_err(), "the whole session is over");
        }
        assert!(desk.login("ada", PASSWORD, after_ms(96_000)).await.is_ok());
    }

    async fn a_token_used_long_ago_is_one_that_nobody_knows(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let first = desk.owner("ada").await;
        let second = desk.refreshes(&first, NOW).await.unwrap();
        let third = desk.refreshes(&second, at(USED_KEPT_MINUTES)).await.unwrap();
        assert!(desk.refreshes(&first, at(USED_KEPT_MINUTES)).await.is_err());
        let fourth = desk.refreshes(&third, at(USED_KEPT_MINUTES + 1)).await.expect("the session goes on");
        assert!(desk.refreshes(&second, at(USED_KEPT_MINUTES + 2)).await.is_err());
        assert!(desk.refreshes(&fourth, at(USED_KEPT_MINUTES + 2)).await.is_err(), "this one was still remembered");
    }

    async fn tabs_that_refresh_at_once_all_go_on_and_a_swarm_does_not(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let first = desk.owner("ada").await;
        let tabs = join_all((0..4).map(|_| desk.refreshes(&first, NOW))).await;
        let mut tokens: Vec<_> =
            tabs.into_iter().map(|tab| tab.unwrap().refresh_token.expose_secret().to_owned()).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "each tab has its own");
        let swarm = (0..=GRACE_USES_MAX).map(|_| desk.refreshes(&first, NOW));
        let swarm = join_all(swarm).await;
        assert!(swarm.iter().any(Result::is_err), "that many tabs are none");
        assert!(!desk.knows(&first, NOW).await);
    }

    async fn a_session_ends_when_nobody_refreshes_it_and_after_half_a_year(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let mut pair = desk.owner("ada").await;
        let proven = desk.people.know(pair.access_token.expose_secret(), NOW).await.unwrap();
        let session = proven.session.unwrap().id;
        let kept = async |id: &SessionId| {
            fresh.store.read_platform().await.unwrap().sessions().get(id).await.unwrap().is_some()
        };
        assert!(desk.refreshes(&pair, at(SESSION_MINUTES)).await.is_err(), "nobody came for thirty days");
        let step = SESSION_MINUTES - 1;
        let mut passed = 0;
        while passed + step < SESSION_MINUTES_MAX {
            passed += step;
            pair = desk.refreshes(&pair, at(passed)).await.unwrap();
        }
        assert!(desk.refreshes(&pair, at(SESSION_MINUTES_MAX)).await.is_err(), "half a year is enough");
        jobs::sweep(&fresh.store, at(SESSION_MINUTES_MAX - 1)).await.unwrap();
        assert!(kept(&session).await, "it may still be asked for");
        jobs::sweep(&fresh.store, at(SESSION_MINUTES_MAX)).await.unwrap();
        assert!(!kept(&session).await, "then it is forgotten");
    }

    async fn an_unknown_address_and_a_wrong_password_cost_the_same_and_sound_the_same(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        desk.owner("ada").await;
        let mut told = vec![];
        for (name, password) in [("ada", "not her password"), ("nobody", PASSWORD)] {
            let before = desk.passwords.computed();
            let Err(error) = desk.login(name, password, NOW).await else { panic!("let in") };
            assert_eq!(desk.passwords.computed() - before, 1, "{name}: one hash, whoever it is");
            told.push(error.to_string());
        }
        assert_eq!(told[0], told[1]);
    }

    async fn a_hash_of_an_older_kind_is_made_anew_at_login(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let ada = desk.owner("ada").await;
        let older = older_hash(PASSWORD);
        let mut tx = fresh.store.begin_platform().await.unwrap();
        tx.users().set_password(&ada.user.id, &older).await.unwrap();
        tx.commit().await.unwrap();
        assert!(desk.login("ada", "not her password", NOW).await.is_err());
        desk.login("ada", PASSWORD, NOW).await.unwrap();
        let kept = fresh.store.read_platform().await.unwrap().users().get(&ada.user.id).await.unwrap().unwrap();
        assert_ne!(kept.password_hash, older);
        let before = desk.passwords.computed();
        desk.login("ada", PASSWORD, NOW).await.unwrap();
        assert_eq!(desk.passwords.computed() - before, 1, "once is enough");
    }

    async fn logging_out_ends_one_session_and_not_the_others(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let here = desk.owner("ada").await;
        let there = desk.login("ada", PASSWORD, NOW).await.unwrap();
        let proven = desk.people.know(here.access_token.expose_secret(), NOW).await.unwrap();
        desk.people.logout(&proven, NOW).await.unwrap();
        assert!(!desk.knows(&here, NOW).await && desk.refreshes(&here, NOW).await.is_err());
        assert!(desk.knows(&there, NOW).await);
    }

    async fn whoever_forgot_her_password_chooses_another_by_mail_once(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let ada = desk.owner("ada").await;
        desk.people.forgot(&email("nobody"), NOW).await.unwrap();
        assert!(desk.people.mails(None, 10).await.unwrap().items.is_empty(), "nobody is written to");
        desk.people.forgot(&email("ada"), NOW).await.unwrap();
        let early = desk.token("ada").await;
        desk.people.forgot(&email("ada"), at(1)).await.unwrap();
        let token = desk.token("ada").await;
        let reset = async |token: &SecretString, password: &str, now| {
            desk.people.reset(token, &password.into(), now).await
        };
        assert!(matches!(reset(&token, "too short", at(2)).await, Err(Error::Invalid(_))));
        assert!(matches!(reset(&"0".repeat(64).into(), NEXT_PASSWORD, at(2)).await, Err(Error::Invalid(_))));
        assert!(reset(&early, NEXT_PASSWORD, at(RESET_MINUTES)).await.is_err(), "its hour is over");
        reset(&token, NEXT_PASSWORD, at(2)).await.expect("a refused password costs no link");
        assert!(reset(&token, PASSWORD, at(2)).await.is_err(), "it is good once");
        assert!(reset(&early, PASSWORD, at(2)).await.is_err(), "every other link is over, too");
        assert!(!desk.knows(&ada, at(2)).await && desk.refreshes(&ada, at(2)).await.is_err());
        assert!(desk.login("ada", PASSWORD, at(2)).await.is_err());
        assert!(desk.login("ada", NEXT_PASSWORD, at(2)).await.is_ok());
    }

    async fn nobody_is_flooded_with_mails(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let owner = desk.owner("ada").await;
        for _ in 0..OPEN_MAX + 3 {
            desk.people.forgot(&email("ada"), NOW).await.unwrap();
        }
        let mails = desk.people.mails(None, 200).await.unwrap().items;
        assert_eq!(u64::try_from(mails.len()).unwrap(), OPEN_MAX);
        desk.people.forgot(&email("ada"), at(RESET_MINUTES)).await.unwrap();
        assert_eq!(desk.people.mails(None, 200).await.unwrap().items.len(), mails.len() + 1, "an hour later");
        let by = desk.actor(&owner).await;
        for _ in 0..PER_DAY_MIN {
            let made = desk.people.invite(&by, &email("ben"), Role::Member, None, NOW).await.unwrap();
            invitations::revoke(&fresh.store, &by, NOW, &made.id).await.unwrap();
        }
        let refused = desk.people.invite(&by, &email("ben"), Role::Member, None, NOW).await;
        assert!(matches!(refused, Err(Error::Limit { max: PER_DAY_MIN, .. })), "{refused:?}");
        assert!(desk.people.invite(&by, &email("ben"), Role::Member, None, at(24 * 60)).await.is_ok());
    }

    async fn a_business_cannot_send_links_of_its_own_in_our_mails(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let registration = Registration {
            tenant: "https://evil.example/#token=1 is yours".to_owned(),
            name: String::new(),
            email: email("eve"),
            password: PASSWORD.into(),
            code: None,
            language: Language::English,
            zone: None,
        };
        let eve = desk.people.register(registration, NOW).await.unwrap();
        let by = desk.actor(&eve).await;
        desk.people.invite(&by, &email("ben"), Role::Member, None, NOW).await.unwrap();
        let mail = desk.people.mails(None, 10).await.unwrap().items.remove(0);
        let body = mail.body.as_deref().unwrap();
        assert_eq!(body.matches("://").count(), 1, "{body}");
        assert!(mail.link().unwrap().starts_with("https://desk.example.com/console/invitation#token="));
    }

    async fn changing_the_password_ends_every_session_and_begins_one(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let here = desk.owner("ada").await;
        let there = desk.login("ada", PASSWORD, NOW).await.unwrap();
        let proven = desk.people.know(here.access_token.expose_secret(), NOW).await.unwrap();
        let change = async |current: &str, next: &str| {
            desk.people.change_password(&proven, &current.into(), &next.into(), NOW).await
        };
        let wrong = change("not her password", NEXT_PASSWORD).await.unwrap_err();
        assert!(wrong.to_string().contains("/current_password"), "{wrong}");
        let weak = change(PASSWORD, "passwordpassword").await.unwrap_err();
        assert!(weak.to_string().contains("/password"), "{weak}");
        let fresh_pair = change(PASSWORD, NEXT_PASSWORD).await.unwrap();
        for old in [&here, &there] {
            assert!(!desk.knows(old, NOW).await && desk.refreshes(old, NOW).await.is_err());
        }
        assert!(desk.knows(&fresh_pair, NOW).await);
    }

    async fn another_role_holds_at_once_and_whoever_is_let_go_is_out_at_once(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let owner = desk.owner("ada").await;
        let ben = desk.member(&owner, "ben", Role::Admin).await;
        let by = desk.actor(&owner).await;
        members::edit(&fresh.store, &by, NOW, &ben.user.id, None, Role::Viewer).await.unwrap();
        assert!(!desk.knows(&ben, NOW).await, "a token with the old role is none");
        let ben = desk.refreshes(&ben, NOW).await.unwrap();
        assert_eq!(ben.at.as_ref().unwrap().role, Some(Role::Viewer));
        assert!(matches!(desk.actor(&ben).await.who(), Who::Member { role: Role::Viewer, .. }));
        members::remove(&fresh.store, &by, NOW, &ben.user.id, None).await.unwrap();
        assert!(!desk.knows(&ben, NOW).await && desk.refreshes(&ben, NOW).await.is_err());
        let alone = desk.login("ben", PASSWORD, NOW).await.unwrap();
        assert_eq!(alone.at, None, "an account without a tenant");
        assert_eq!(desk.people.know(alone.access_token.expose_secret(), NOW).await.unwrap().actor, None);
    }

    async fn two_owners_who_dismiss_each_other_at_once_leave_one(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let ada = desk.owner("ada").await;
        let ben = desk.member(&ada, "ben", Role::Owner).await;
        let (by_ada, by_ben) = (desk.actor(&ada).await, desk.actor(&ben).await);
        let (first, second) = tokio::join!(
            members::remove(&fresh.store, &by_ada, NOW, &ben.user.id, None),
            members::edit(&fresh.store, &by_ben, NOW, &ada.user.id, None, Role::Admin),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let mut tx = fresh.store.read(by_ada.tenant()).await.unwrap();
        assert_eq!(tx.memberships().owners().await.unwrap(), 1);
    }

    async fn two_invitations_at_once_do_not_share_the_last_seat(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let owner = desk.owner("ada").await;
        let by = desk.actor(&owner).await;
        let asked = ["ben", "cleo", "dora"];
        let invited = join_all(asked.iter().map(|name| {
            let address = email(name);
            let by = &by;
            let people = &desk.people;
            async move { people.invite(by, &address, Role::Member, None, NOW).await }
        }))
        .await;
        assert_eq!(invited.iter().filter(|answer| answer.is_ok()).count(), 2, "two seats besides the owner's");
        assert!(invited.iter().any(|answer| matches!(answer, Err(Error::Limit { max: 2, .. }))));
        let later = at(INVITATION_MINUTES);
        assert!(desk.people.invite(&by, &email("emil"), Role::Member, None, later).await.is_ok(), "a lapsed one is free");
    }

    async fn an_invitation_is_accepted_once_in_time_and_by_its_own_address(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let owner = desk.owner("ada").await;
        desk.seats(&owner, 10).await;
        let by = desk.actor(&owner).await;
        let cleo = desk.owner("cleo").await;
        for name in ["ben", "cleo"] {
            desk.people.invite(&by, &email(name), Role::Member, None, NOW).await.unwrap();
        }
        let accept = async |token: &SecretString, password: &str, now| {
            desk.people.accept(token, &SecretString::from(password), "", Language::German, now).await
        };
        let (for_ben, for_cleo) = (desk.token("ben").await, desk.token("cleo").await);
        assert!(!desk.people.offer(&for_ben, NOW).await.unwrap().has_account);
        assert!(desk.people.offer(&for_cleo, NOW).await.unwrap().has_account);
        assert!(matches!(accept(&for_cleo, NEXT_PASSWORD, NOW).await, Err(Error::Unauthenticated(_))));
        let there = accept(&for_cleo, PASSWORD, NOW).await.unwrap();
        assert_eq!((&there.user.id, there.at.as_ref().unwrap().role), (&cleo.user.id, Some(Role::Member)));
        assert!(matches!(accept(&for_ben, "short", NOW).await, Err(Error::Invalid(_))));
        let late = accept(&for_ben, PASSWORD, at(INVITATION_MINUTES)).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
        let raced = join_all((0..2).map(|_| accept(&for_ben, PASSWORD, NOW))).await;
        assert_eq!(raced.iter().filter(|answer| answer.is_ok()).count(), 1, "{raced:?}");
        assert!(matches!(accept(&for_ben, PASSWORD, NOW).await, Err(Error::Conflict(_))));
        assert!(matches!(accept(&"0".repeat(64).into(), PASSWORD, NOW).await, Err(Error::NotFound(_))));
    }

    async fn an_operator_goes_where_she_is_let_in_and_the_tenant_is_told(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let owner = desk.owner("ada").await;
        let stranger = desk.owner("cleo").await;
        desk.people.make_operator(&email("root"), &PASSWORD.into(), NOW).await.unwrap();
        let root = desk.login("root", PASSWORD, NOW).await.unwrap();
        assert_eq!(root.at, None);
        let proven = desk.people.know(root.access_token.expose_secret(), NOW).await.unwrap();
        assert!(proven.operator().is_ok() && proven.actor.is_none());
        let at_adas = &owner.at.as_ref().unwrap();
        let shut_out = desk.people.switch(&proven, &at_adas.slug, NOW).await;
        assert!(matches!(shut_out, Err(Error::NotFound(_))), "{shut_out:?}");
        let by = desk.actor(&owner).await;
        support::grant(&fresh.store, &by, NOW, support::MINUTES_MIN).await.unwrap();
        let inside = desk.people.switch(&proven, &at_adas.slug, NOW).await.unwrap();
        let actor = desk.actor(&inside).await;
        assert!(matches!(actor.who(), Who::Support { .. }));
        assert!(desk.knows(&inside, at(support::MINUTES_MIN - 1)).await);
        assert!(!desk.knows(&inside, at(support::MINUTES_MIN)).await, "the time is over");
        let late = desk.people.refresh(&inside.refresh_token, at(support::MINUTES_MIN)).await;
        assert!(matches!(late, Err(Error::Unauthenticated(_))), "{late:?}");
        assert_eq!(actor.tenant(), &at_adas.tenant);
        let entries = fresh.store.read(&at_adas.tenant).await.unwrap();
        let entries = { entries }.audit().page(&AuditFilter::default(), None, 10).await.unwrap().items;
        assert!(entries.iter().any(|entry| entry.action == "operator.entered"), "{entries:?}");
        let cleo = desk.people.know(stranger.access_token.expose_secret(), NOW).await.unwrap();
        let kept_out = desk.people.switch(&cleo, at_adas.tenant.as_str(), NOW).await;
        assert!(matches!(kept_out, Err(Error::NotFound(_))), "{kept_out:?}");
        desk.people.unmake_operator(&email("root"), NOW).await.unwrap();
        assert!(!desk.knows(&inside, NOW).await && !desk.knows(&root, NOW).await);
    }

    async fn a_mail_is_sealed_where_it_lies_and_forgotten_in_time(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        desk.owner("ada").await;
        desk.people.forgot(&email("ada"), NOW).await.unwrap();
        let token = desk.token("ada").await;
        let mail = desk.people.mails(None, 10).await.unwrap().items.remove(0).mail;
        let sealed = mail.body.unwrap();
        let shown = String::from_utf8_lossy(&sealed);
        assert!(!shown.contains(token.expose_secret()) && !shown.contains("http"), "the link is not to be read");
        jobs::sweep(&fresh.store, at(RESET_MINUTES)).await.unwrap();
        let kept = fresh.store.read_platform().await.unwrap().mails().get(&mail.id).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.body), (MailState::GivenUp, None));
        jobs::sweep(&fresh.store, at(MAILS_KEPT_MINUTES)).await.unwrap();
        assert_eq!(fresh.store.read_platform().await.unwrap().mails().get(&mail.id).await.unwrap(), None);
    }

    async fn businesses_of_one_name_have_different_slugs(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let register = async |name: &str, who: &str| {
            let registration = Registration {
                tenant: name.to_owned(),
                name: String::new(),
                email: email(who),
                password: PASSWORD.into(),
                code: None,
                language: Language::German,
                zone: Some("Asia/Tokyo".parse().unwrap()),
            };
            desk.people.register(registration, NOW).await
        };
        let first = register("Praxis Dr. Grün & Söhne", "ada").await.unwrap();
        assert_eq!(first.at.unwrap().slug, "praxis-dr-gruen-soehne");
        let second = register("  Praxis: Dr. Grün, Söhne! ", "ben").await.unwrap();
        assert_eq!(second.at.unwrap().slug, "praxis-dr-gruen-soehne-2");
        assert_eq!(register("東京", "cleo").await.unwrap().at.unwrap().slug, "tenant");
        let mine = register("Zweigstelle", "ada").await.unwrap();
        assert_eq!(mine.user.id, first.user.id, "the same person owns two");
        let me = desk.people.know(mine.access_token.expose_secret(), NOW).await.unwrap();
        assert_eq!(desk.people.me(&me).await.unwrap().memberships.len(), 2);
    }

    async fn one_address_registering_twice_at_once_is_one_account(fresh: Fresh) {
        let desk = Desk::of(&fresh.store);
        let registered = join_all((0..3).map(|n| {
            let registration = Registration {
                tenant: format!("Praxis {n}"),
                name: String::new(),
                email: email("ada"),
                password: PASSWORD.into(),
                code: None,
                language: Language::German,
                zone: None,
            };
            desk.people.register(registration, NOW)
        }))
        .await;
        let mut users: Vec<_> = registered.iter().flatten().map(|grant| grant.user.id.clone()).collect();
        users.dedup();
        assert_eq!(users.len(), 1, "{registered:?}");
        for refused in registered.iter().filter(|answer| answer.is_err()) {
            assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        }
        let tenants = fresh.store.across_tenants().tenants().await.unwrap();
        assert_eq!(tenants.len(), registered.iter().filter(|answer| answer.is_ok()).count(), "nothing half done");
    }
}
