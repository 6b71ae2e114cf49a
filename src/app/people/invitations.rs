//! Places offered by mail: made, taken back, accepted.
//!
//! Whoever has the link of an invitation and the address's account, or makes one, may accept it, once. An open
//! invitation keeps a seat.

use secrecy::{ExposeSecret, SecretString};

use super::{
    People,
    entry::{At, Grant, begin, check_name, known_already, new_user},
    letters,
    members::may_decide,
    second_factor::Credentials,
};
use crate::{
    app::{
        Error, Faults,
        access::{Actor, Who},
        audit::{self, Audited, Parts},
    },
    domain::{
        assistant::Language,
        email::Email,
        id::InvitationId,
        password,
        people::{Role, Subject, Verb},
        time::Timestamp,
    },
    platform::{ids, tokens},
    store::{Invitation, Member, Page, Place, Store, User},
};

/// How long an invitation is good, in minutes: seven days.
pub const INVITATION_MINUTES: i64 = 7 * 24 * 60;
/// How many invitations a tenant may send in a day, at least; twice its seats where that is more. Without a limit,
/// inviting and taking back would be a way to flood a stranger with our mails.
pub const PER_DAY_MIN: u64 = 20;
/// What has a limit, as the refusal calls it.
const SEATS: &str = "seats for members and open invitations";
/// Why an account or membership was not made.
const MEANWHILE: &str = "it was done in the meantime; try again";
/// Why an invitation cannot be accepted.
const OVER: Error =
    Error::Conflict("the invitation was accepted, taken back, or is too old; ask for another one");

impl Audited for Invitation {
    const KIND: &'static str = "invitation";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        Parts::new().hiding("email", self.email.as_str()).with("role", self.role.as_str())
    }
}

/// What somebody sees who has the link of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The invitation.
    pub invitation: Invitation,
    /// The tenant's name.
    pub tenant: String,
    /// Whether the address has an account already, whose password is then asked for.
    pub has_account: bool,
}

/// Every invitation there was, in the order of their making, a page at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Invitation>, Error> {
    by.must(Verb::Read, Subject::Members)?;
    Ok(store.read(by.tenant()).await?.invitations().page(after, count_max).await?)
}

/// One invitation.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &InvitationId) -> Result<Invitation, Error> {
    by.must(Verb::Read, Subject::Members)?;
    store.read(by.tenant()).await?.invitations().get(id).await?.ok_or(Error::NotFound("invitation"))
}

/// Takes an invitation back that nobody has accepted.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] once it was accepted or taken back;
/// [`Error::Unavailable`].
pub async fn revoke(store: &Store, by: &Actor, now: Timestamp, id: &InvitationId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Members)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.invitations().get(id).await?.ok_or(Error::NotFound("invitation"))?;
    may_decide(by, kept.role)?;
    if !tx.invitations().revoke(id, now).await? {
        return Err(Error::Conflict("the invitation was accepted or taken back before"));
    }
    audit::record(&mut tx, by, now, Some(&kept), None).await?;
    Ok(tx.commit().await?)
}

impl People {
    /// Offers somebody a place by mail, in their language or the one given.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`] when every seat is taken; [`Error::Unavailable`].
    pub async fn invite(
        &self,
        by: &Actor,
        email: &Email,
        role: Role,
        language: Option<Language>,
        now: Timestamp,
    ) -> Result<Invitation, Error> {
        by.must(Verb::Write, Subject::Members)?;
        may_decide(by, role)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        tx.memberships().queue().await?;
        let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let known = tx.users().by_email(email).await?;
        if let Some(user) = &known
            && tx.memberships().get(&user.id).await?.is_some()
        {
            return Err(Error::invalid("/email", "works here already"));
        }
        if tx.invitations().open_to(email, now).await?.is_some() {
            return Err(Error::invalid("/email", "is invited already; take that invitation back first"));
        }
        let taken = tx.memberships().count().await? + tx.invitations().open(now).await?;
        // Who owns the tenant has a place anyway.
        if taken > u64::from(tenant.seats_max) {
            return Err(Error::Limit { name: SEATS, max: u64::from(tenant.seats_max) });
        }
        let day_max = PER_DAY_MIN.max(u64::from(tenant.seats_max) * 2);
        if tx.invitations().made_since(now.plus_minutes(-24 * 60)).await? >= day_max {
            return Err(Error::Limit { name: "invitations a day", max: day_max });
        }
        let asker = match by.user() {
            Some(user) => tx.users().get(user).await?.map(|user| user.language),
            None => None,
        };
        let language = known.map(|user| user.language).or(language).or(asker).unwrap_or(Language::English);
        let token = SecretString::from(ids::token());
        let invitation = Invitation {
            id: InvitationId::of(ids::fresh(now)),
            email: email.clone(),
            role,
            created_at: now,
            expires_at: now.plus_minutes(INVITATION_MINUTES),
            accepted_at: None,
            revoked_at: None,
        };
        tx.invitations().add(&invitation, &tokens::fingerprint(token.expose_secret())).await?;
        let letter = letters::invitation(language, &tenant.name, &self.link("invitation", &token));
        self.post(&mut tx.mails(), email, &letter, now, invitation.expires_at).await?;
        audit::record(&mut tx, by, now, None, Some(&invitation)).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// What somebody is offered by the invitation of that token.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] once it cannot be accepted; [`Error::Unavailable`].
    pub async fn offer(&self, token: &SecretString, now: Timestamp) -> Result<Offer, Error> {
        let hash = tokens::fingerprint(token.expose_secret());
        let found = self.0.store.across_tenants().invitation(&hash).await?;
        let (tenant, id) = found.ok_or(Error::NotFound("invitation"))?;
        let mut tx = self.0.store.read(&tenant).await?;
        let invitation = tx.invitations().get(&id).await?.ok_or(Error::NotFound("invitation"))?;
        if !invitation.is_open(now) {
            return Err(OVER);
        }
        let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let has_account = tx.users().by_email(&invitation.email).await?.is_some();
        Ok(Offer { invitation, tenant: tenant.name, has_account })
    }

    /// Accepts an invitation and lets its bearer in: with the password of the account, or one that makes it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] once it cannot be accepted; [`Error::Invalid`] for a password that is
    /// not good enough; [`Error::Unauthenticated`] for a wrong one; [`Error::Unavailable`].
    pub async fn accept(
        &self,
        token: &SecretString,
        shown: impl Into<Credentials<'_>>,
        name: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let shown = shown.into();
        let hash = tokens::fingerprint(token.expose_secret());
        let found = self.0.store.across_tenants().invitation(&hash).await?;
        let (tenant, id) = found.ok_or(Error::NotFound("invitation"))?;
        let offer = self.offer(token, now).await?;
        let email = offer.invitation.email;
        let (user, is_new) = if offer.has_account {
            let user = self.prove(&email, shown.password).await?;
            self.prove_again(&user, shown.code, now).await?;
            (user, false)
        } else {
            let mut faults = Faults::new();
            faults
                .take(password::check(shown.password.expose_secret(), &email, &[&offer.tenant]), "/password");
            check_name(name, &mut faults);
            faults.settle()?;
            let user = new_user(email, self.0.passwords.hash(shown.password).await?, language, now);
            (User { name: name.trim().to_owned(), ..user }, true)
        };
        let role = offer.invitation.role;
        let mut tx = self.0.store.begin(&tenant).await?;
        tx.memberships().queue().await?;
        if !tx.invitations().accept(&id, now).await? {
            return Err(OVER);
        }
        if is_new {
            tx.users().add(&user).await.map_err(|error| known_already(error, MEANWHILE))?;
        }
        tx.memberships().add(&user.id, role, now).await.map_err(|error| known_already(error, MEANWHILE))?;
        let member = Member {
            user: user.id.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            role,
            created_at: now,
        };
        let by = Actor::new(tenant.clone(), Who::Member { user: user.id.clone(), role });
        audit::record(&mut tx, &by, now, None, Some(&member)).await?;
        let kept = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let at = At { tenant, slug: kept.slug, name: kept.name, role: Some(role) };
        let (session, refresh) = begin(&mut tx, &user, &at, now).await?;
        tx.commit().await?;
        self.grant(user, Some(at), &session, refresh, now)
    }
}
