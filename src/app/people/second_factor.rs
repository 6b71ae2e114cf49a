//! A second factor: a code of an authenticator (RFC 6238) that is asked after the password, for those who want it and for
//! operators where the configuration demands it.
//!
//! A code is good once, wrong ones are counted, and after some in a row none is looked at for a while. Recovery codes stand in
//! for the authenticator, each once. Whoever lost both is helped by an admin of the business or an operator, which the log and a
//! mail tell.

use std::fmt;

use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tracing::warn;

use super::{People, Proven, entry::Grant, letters, members::may_decide};
use crate::{
    app::{
        Error,
        access::{Actor, Operator},
        audit,
    },
    domain::{
        email::Email,
        id::UserId,
        people::{Scope, Subject, Verb},
        time::Timestamp,
    },
    platform::{
        metrics::{LIMIT_REACHED_TOTAL, SECURITY_TOTAL},
        passwords::Verdict,
        secrets,
        tokens::fingerprint,
        totp,
    },
    store::{SealedColumn, User},
};

/// How many recovery codes somebody is given.
pub const RECOVERY_CODES: usize = 10;
/// How many wrong codes in a row are looked at.
pub const TRIES_MAX: u32 = 5;
/// For how long none is looked at after that, in minutes.
pub const SHUT_MINUTES: i64 = 15;
/// How long somebody who has shown her password may take to show a code, in minutes.
pub const CHALLENGE_MINUTES: i64 = 10;
/// How long the mail of a second factor that was taken away is of use, in minutes: a week.
const LETTER_MINUTES: i64 = 7 * 24 * 60;
/// Longest code that is looked at, in characters.
const CODE_LEN_MAX: usize = 40;
/// Whose name stands in an authenticator before the account's.
const ISSUER: &str = "frontdesk";
/// Where what waits for a code is sealed for.
const CHALLENGE: &str = "second_factors.challenge";

const WRONG: Error = Error::Unauthenticated("The code is not right, or was used before.");
const OVER: Error = Error::Unauthenticated("That took too long; log in again.");

/// What somebody proves who she is with.
#[derive(Clone, Copy)]
pub struct Credentials<'c> {
    /// Her password.
    pub password: &'c SecretString,
    /// A code of her authenticator, or a recovery code, where she has a second factor.
    pub code: Option<&'c SecretString>,
}

impl<'c> From<&'c SecretString> for Credentials<'c> {
    fn from(password: &'c SecretString) -> Self {
        Self { password, code: None }
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// How far somebody came with her password.
#[derive(Debug)]
pub enum Entered {
    /// She is in.
    In(Box<Grant>),
    /// A code is asked for; this is shown with it, and proves that the password was right.
    CodeAsked(SecretString),
}

/// How somebody's second factor stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factor {
    /// Since when it guards the account; it does not when there is none.
    pub since: Option<Timestamp>,
    /// Recovery codes that were not used.
    pub codes_left: u64,
    /// Whether the configuration demands one of her.
    pub demanded: bool,
}

/// What somebody sets her authenticator up with.
pub struct Setup {
    /// The shared secret, in base32.
    pub secret: SecretString,
    /// The same as the link that authenticators read, `otpauth://totp/…`.
    pub link: SecretString,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}

impl People {
    /// How the asker's second factor stands.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Unavailable`].
    pub async fn factor(&self, by: &Proven) -> Result<Factor, Error> {
        let session = by.person()?;
        let mut tx = self.0.store.read_platform().await?;
        let since = tx.second_factors().get(&session.user).await?.and_then(|factor| factor.confirmed);
        let codes_left =
            if since.is_some() { tx.second_factors().codes_left(&session.user).await? } else { 0 };
        let operator = tx.users().get(&session.user).await?.is_some_and(|user| user.operator);
        Ok(Factor { since, codes_left, demanded: operator && self.0.settings.operators_second_factor })
    }

    /// Begins to set a second factor up, anew each time; it guards nothing until it is confirmed.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Invalid`] for a wrong password; [`Error::Conflict`] when there is one, or none
    /// can be kept; [`Error::Unavailable`].
    pub async fn begin_factor(
        &self,
        by: &Proven,
        password: &SecretString,
        now: Timestamp,
    ) -> Result<Setup, Error> {
        if !self.0.keys.lasting() {
            return Err(Error::Conflict("no secret can be kept: the operator must set `secrets.key` first"));
        }
        let user = self.user(&by.person()?.user).await?;
        self.must_be_hers(&user, password).await?;
        let secret = totp::fresh_secret();
        let sealed = self.0.keys.seal(secret_of(&user.id), &secret)?;
        let mut tx = self.0.store.begin_platform().await?;
        if !tx.second_factors().begin(&user.id, &sealed, now).await? {
            return Err(Error::Conflict("a second factor guards the account already; take it away first"));
        }
        tx.commit().await?;
        Ok(setup(&user.email, secret))
    }

    /// What is being set up, to be shown again; `None` when nothing is.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Unavailable`].
    pub async fn factor_underway(&self, by: &Proven) -> Result<Option<Setup>, Error> {
        let user = self.user(&by.person()?.user).await?;
        let factor = self.0.store.read_platform().await?.second_factors().get(&user.id).await?;
        let Some(factor) = factor.filter(|factor| factor.confirmed.is_none()) else { return Ok(None) };
        let secret = self.0.keys.open(secret_of(&user.id), &factor.secret).await?;
        Ok(Some(setup(&user.email, secret)))
    }

    /// Has it guard the account once a code of it was shown, and ends every other session; the recovery codes, told this once.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Invalid`] for a wrong code; [`Error::Later`] after too many;
    /// [`Error::NotFound`] when none is being set up; [`Error::Unavailable`].
    pub async fn confirm_factor(
        &self,
        by: &Proven,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<Vec<SecretString>, Error> {
        let session = by.person()?;
        let user = &session.user;
        let factor = self.0.store.read_platform().await?.second_factors().get(user).await?;
        if factor.is_none_or(|factor| factor.confirmed.is_some()) {
            return Err(Error::NotFound("second factor that is being set up"));
        }
        self.try_code(user, code, now).await.map_err(at_the_field)?;
        let codes: Vec<SecretString> = (0..RECOVERY_CODES).map(|_| totp::fresh_word()).collect();
        let mut tx = self.0.store.begin_platform().await?;
        if !tx.second_factors().confirm(user, now).await? {
            return Err(Error::NotFound("second factor that is being set up"));
        }
        for code in &codes {
            tx.second_factors().add_code(user, &code_hash(user, code.expose_secret())).await?;
        }
        // Whoever else is in has shown no code.
        tx.sessions().end_others(user, &session.id, now).await?;
        tx.commit().await?;
        counter!(SECURITY_TOTAL, "event" => "second_factor_on").increment(1);
        Ok(codes.iter().map(|code| grouped(code.expose_secret())).collect())
    }

    /// Takes the asker's second factor away, by her password and a code.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Invalid`]; [`Error::Later`]; [`Error::Conflict`] where it is demanded;
    /// [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn remove_factor(
        &self,
        by: &Proven,
        shown: Credentials<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let user = self.user(&by.person()?.user).await?;
        if self.factor(by).await?.demanded {
            return Err(Error::Conflict("whoever runs the platform needs a second factor here"));
        }
        self.must_be_hers(&user, shown.password).await?;
        let code = shown.code.ok_or_else(|| at_the_field(WRONG))?;
        self.try_code(&user.id, code, now).await.map_err(at_the_field)?;
        let mut tx = self.0.store.begin_platform().await?;
        if !tx.second_factors().remove(&user.id).await? {
            return Err(Error::NotFound("second factor"));
        }
        let letter = letters::factor_removed(user.language, None, &self.page("account"));
        self.post(&mut tx.mails(), &user.email, &letter, now, now.plus_minutes(LETTER_MINUTES)).await?;
        Ok(tx.commit().await?)
    }

    /// Takes away the second factor of a member who is locked out. The log and a mail to her tell it. Whoever also works
    /// elsewhere or runs the platform is not the asker's alone: only an operator helps.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] for somebody who is not the asker's alone;
    /// [`Error::Unavailable`].
    pub async fn help_in(&self, by: &Actor, user: &UserId, now: Timestamp) -> Result<(), Error> {
        by.must(Verb::Write, Subject::Members)?;
        // One's own goes by password and code alone, and no program's key may open an account.
        if by.user().is_none_or(|own| own == user) {
            return Err(Error::Forbidden(Scope { subject: Subject::Members, verb: Verb::Write }));
        }
        let places = self.0.store.across_tenants().memberships(user).await?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let member = tx.memberships().get(user).await?.ok_or(Error::NotFound("member"))?.item;
        may_decide(by, member.role)?;
        let account = tx.users().get(user).await?.ok_or(Error::NotFound("member"))?;
        if account.operator || places.len() > 1 {
            return Err(Error::Conflict("only whoever runs the platform can help with this account"));
        }
        if !tx.second_factors().remove(user).await? {
            return Err(Error::NotFound("second factor"));
        }
        audit::tell(&mut tx, by, now, "member.second_factor_removed", user.as_str(), json!({})).await?;
        let name = tx.tenant().get().await?.map(|tenant| tenant.name);
        let letter = letters::factor_removed(account.language, name.as_deref(), &self.page("account"));
        self.post(&mut tx.mails(), &account.email, &letter, now, now.plus_minutes(LETTER_MINUTES)).await?;
        Ok(tx.commit().await?)
    }

    /// The same for anybody, by an operator. Told in the log of every tenant where the person works.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn help_anybody_in(&self, by: &Operator, email: &Email, now: Timestamp) -> Result<(), Error> {
        let own = self.user(&by.0).await?;
        if own.email == *email {
            return Err(Error::Forbidden(Scope { subject: Subject::Members, verb: Verb::Write }));
        }
        let user = self.remove_factor_of(email, now).await?;
        self.tell_everywhere(&user, |tenant| by.at(tenant), now).await
    }

    /// The same for whoever sits at the machine itself.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn help_in_at_the_machine(&self, email: &Email, now: Timestamp) -> Result<(), Error> {
        let user = self.remove_factor_of(email, now).await?;
        let at = |tenant| Actor::new(tenant, crate::app::access::Who::System("cli"));
        self.tell_everywhere(&user, at, now).await
    }

    async fn remove_factor_of(&self, email: &Email, now: Timestamp) -> Result<UserId, Error> {
        let mut tx = self.0.store.begin_platform().await?;
        let user = tx.users().by_email(email).await?.ok_or(Error::NotFound("second factor"))?;
        if !tx.second_factors().remove(&user.id).await? {
            return Err(Error::NotFound("second factor"));
        }
        let letter = letters::factor_removed(user.language, None, &self.page("account"));
        self.post(&mut tx.mails(), &user.email, &letter, now, now.plus_minutes(LETTER_MINUTES)).await?;
        tx.commit().await?;
        counter!(SECURITY_TOTAL, "event" => "second_factor_removed").increment(1);
        warn!(user = %user.id, "a second factor was taken away");
        Ok(user.id)
    }

    async fn tell_everywhere(
        &self,
        user: &UserId,
        by: impl Fn(crate::domain::id::TenantId) -> Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        for place in self.0.store.across_tenants().memberships(user).await? {
            let by = by(place.tenant.clone());
            let mut tx = self.0.store.begin(&place.tenant).await?;
            audit::tell(&mut tx, &by, now, "member.second_factor_removed", user.as_str(), json!({})).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Goes on if no second factor guards the account, or the code is right.
    pub(super) async fn prove_again(
        &self,
        user: &User,
        code: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<(), Error> {
        match (self.is_guarded(&user.id).await?, code) {
            (false, _) => Ok(()),
            (true, None) => Err(Error::SecondFactor),
            (true, Some(code)) => self.try_code(&user.id, code, now).await,
        }
    }

    /// Whether a second factor guards that account.
    pub(super) async fn is_guarded(&self, user: &UserId) -> Result<bool, Error> {
        let factor = self.0.store.read_platform().await?.second_factors().get(user).await?;
        Ok(factor.is_some_and(|factor| factor.confirmed.is_some()))
    }

    /// Lets somebody in by her password, or asks for a code.
    ///
    /// # Errors
    /// As for [`People::login`].
    pub async fn login_in_steps(
        &self,
        email: &Email,
        password: &SecretString,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<Entered, Error> {
        let user = self.prove(email, password).await?;
        if !self.is_guarded(&user.id).await? {
            let at = self.place(&user, tenant, now).await?;
            return Ok(Entered::In(Box::new(self.enter(user, at, now).await?)));
        }
        let said = json!({
            "user": user.id.as_str(),
            "until": now.plus_minutes(CHALLENGE_MINUTES).0,
            "password": fingerprint(&user.password_hash),
        });
        let sealed = self.0.keys.seal(challenge(), &SecretString::from(said.to_string()))?;
        let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(sealed);
        Ok(Entered::CodeAsked(SecretString::from(text)))
    }

    /// Lets in who was asked for a code, and shows one.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Later`] after too many wrong codes; [`Error::Unavailable`].
    pub async fn login_by_code(
        &self,
        asked: &SecretString,
        code: &SecretString,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let sealed = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(asked.expose_secret()).map_err(|_| OVER)?;
        let said = self.0.keys.open(challenge(), &sealed).await.map_err(|_| OVER)?;
        let said: serde_json::Value = serde_json::from_str(said.expose_secret()).map_err(|_| OVER)?;
        let id: UserId = said["user"].as_str().and_then(|id| id.parse().ok()).ok_or(OVER)?;
        let user = self.user(&id).await?;
        let holds = said["until"].as_i64().is_some_and(|until| now < Timestamp(until))
            && said["password"].as_str() == Some(fingerprint(&user.password_hash).as_str());
        if !holds {
            return Err(OVER);
        }
        self.prove_again(&user, Some(code), now).await?;
        let at = match self.place(&user, tenant, now).await {
            // She works there no more: wherever else she does.
            Err(Error::NotFound(_)) => self.place(&user, None, now).await?,
            at => at?,
        };
        self.enter(user, at, now).await
    }

    /// Looks whether a code is right, and uses it up. A wrong one is counted.
    async fn try_code(&self, user: &UserId, code: &SecretString, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.0.store.begin_platform().await?;
        let counted = tx.second_factors().count_try(user, now).await?;
        let factor = tx.second_factors().get(user).await?.ok_or(WRONG)?;
        if !counted {
            let wait = factor.shut_until.map_or(0, |until| until.millis_since(now));
            let wait = std::time::Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            return Err(Error::Later { wait, why: "too many wrong codes" });
        }
        let given = plain(code);
        let secret = self.0.keys.open(secret_of(user), &factor.secret).await?;
        let step = totp::right(&secret, &given, now, factor.last_step);
        let right = match step {
            Some(_) => true,
            None => {
                factor.confirmed.is_some()
                    && tx.second_factors().use_code(user, &code_hash(user, &given), now).await?
            }
        };
        if right {
            tx.second_factors().passed(user, step.unwrap_or(factor.last_step)).await?;
            return Ok(tx.commit().await?);
        }
        counter!(SECURITY_TOTAL, "event" => "second_factor_refused").increment(1);
        if factor.failures >= TRIES_MAX {
            tx.second_factors().shut(user, now.plus_minutes(SHUT_MINUTES)).await?;
            counter!(LIMIT_REACHED_TOTAL, "limit" => "second_factor_tries").increment(1);
            warn!(user.id = %user, "too many wrong codes; none is looked at for a while");
        }
        tx.commit().await?;
        Err(WRONG)
    }

    async fn must_be_hers(&self, user: &User, password: &SecretString) -> Result<(), Error> {
        let verdict = self.0.passwords.verify(password, Some(&user.password_hash)).await?;
        if verdict == Verdict::Wrong {
            return Err(Error::invalid("/current_password", "is not right"));
        }
        Ok(())
    }

    /// The person, of whom nothing of an operator is left while she lacks the second factor that is demanded of operators.
    pub(super) async fn masked(&self, user: User) -> Result<User, Error> {
        let demanded = user.operator && self.0.settings.operators_second_factor;
        let operator = user.operator && (!demanded || self.is_guarded(&user.id).await?);
        Ok(User { operator, ..user })
    }
}

/// The same refusal, said at the field the code was typed in.
fn at_the_field(error: Error) -> Error {
    if matches!(error, Error::Unauthenticated(_)) {
        return Error::invalid("/code", "is not right, or was used before");
    }
    error
}

/// A code as it counts, however it was typed.
fn plain(code: &SecretString) -> String {
    let typed = code.expose_secret().chars().take(CODE_LEN_MAX);
    typed.filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// A recovery code as it is shown: in groups of four.
fn grouped(code: &str) -> SecretString {
    let letters: Vec<char> = code.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    SecretString::from(groups.join("-"))
}

/// The hash a recovery code is kept as: of the person, too, so that equal codes do not look equal.
fn code_hash(user: &UserId, code: &str) -> String {
    fingerprint(&format!("{user} {code}"))
}

fn setup(email: &Email, secret: SecretString) -> Setup {
    let account: String = form_urlencoded::byte_serialize(email.as_str().as_bytes()).collect();
    let link = format!(
        "otpauth://totp/{ISSUER}:{account}?secret={}&issuer={ISSUER}&digits={}&period={}",
        secret.expose_secret(),
        totp::DIGITS,
        totp::STEP_SECONDS
    );
    Setup { secret, link: SecretString::from(link) }
}

/// A secret is bound to the person it is shared with.
fn secret_of(user: &UserId) -> secrets::Place<'_> {
    secrets::Place { owner: None, column: SealedColumn::FactorSecret.name(), row: user.as_str() }
}

/// What was right of a login that waits for a code.
fn challenge() -> secrets::Place<'static> {
    secrets::Place { owner: None, column: CHALLENGE, row: "login" }
}
