//! Who works at a tenant: looked up, given another role, let go.
//!
//! There is always an owner, and only owners decide about owners.

use crate::{
    app::{
        Error,
        access::{Actor, Who},
        audit::{self, Audited, Parts},
    },
    domain::{
        id::UserId,
        people::{Role, Scope, Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Member, Page, Place, Store, TenantTx},
};

impl Audited for Member {
    const KIND: &'static str = "member";

    fn id(&self) -> String {
        self.user.to_string()
    }

    fn parts(&self) -> Parts {
        Parts::new().with("role", self.role.as_str())
    }
}

/// Who works here, a page at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Revised<Member>>, Error> {
    by.must(Verb::Read, Subject::Members)?;
    Ok(store.read(by.tenant()).await?.memberships().page(after, count_max).await?)
}

/// Which of them have a second factor.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn guarded(store: &Store, by: &Actor) -> Result<Vec<UserId>, Error> {
    by.must(Verb::Write, Subject::Members)?;
    Ok(store.read(by.tenant()).await?.second_factors().of_members(by.tenant()).await?)
}

/// One who works here.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, user: &UserId) -> Result<Revised<Member>, Error> {
    by.must(Verb::Read, Subject::Members)?;
    store.read(by.tenant()).await?.memberships().get(user).await?.ok_or(Error::NotFound("member"))
}

/// Gives a member another role. Access tokens made with the old one end at once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] for the last owner;
/// [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    user: &UserId,
    seen: Option<Revision>,
    role: Role,
) -> Result<Revised<Member>, Error> {
    by.must(Verb::Write, Subject::Members)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.memberships().queue().await?;
    let kept = tx.memberships().get(user).await?.ok_or(Error::NotFound("member"))?;
    kept.must_be(seen)?;
    if kept.item.role == role {
        return Ok(kept);
    }
    may_decide(by, kept.item.role)?;
    may_decide(by, role)?;
    keep_an_owner(&mut tx, kept.item.role).await?;
    tx.memberships().set_role(user, role).await?;
    let after = tx.memberships().get(user).await?.ok_or(Error::NotFound("member"))?;
    audit::record(&mut tx, by, now, Some(&kept.item), Some(&after.item)).await?;
    tx.commit().await?;
    Ok(after)
}

/// Lets a member go, and ends her sessions here. Everybody may go of themselves.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] for the last owner;
/// [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    user: &UserId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    let herself = by.user() == Some(user);
    if !herself {
        by.must(Verb::Write, Subject::Members)?;
    }
    let mut tx = store.begin(by.tenant()).await?;
    tx.memberships().queue().await?;
    let kept = tx.memberships().get(user).await?.ok_or(Error::NotFound("member"))?;
    kept.must_be(seen)?;
    if !herself {
        may_decide(by, kept.item.role)?;
    }
    keep_an_owner(&mut tx, kept.item.role).await?;
    tx.memberships().remove(user).await?;
    tx.sessions().end_at(user, by.tenant(), now).await?;
    audit::record(&mut tx, by, now, Some(&kept.item), None).await?;
    Ok(tx.commit().await?)
}

/// Goes on if the asker may give or take that role. Only owners decide about owners, and a program gives nobody rights
/// that it does not have itself.
pub(super) fn may_decide(by: &Actor, role: Role) -> Result<(), Error> {
    const OWNERS: Scope = Scope { subject: Subject::Tenant, verb: Verb::Write };
    let missing = match by.who() {
        Who::Member { role: own, .. } => (role == Role::Owner && *own != Role::Owner).then_some(OWNERS),
        Who::Program { scopes, .. } => {
            Scope::all().find(|scope| role.may(scope.verb, scope.subject) && !scopes.contains(scope))
        }
        Who::Operator { .. } | Who::Support { .. } | Who::System(_) => None,
    };
    missing.map_or(Ok(()), |scope| Err(Error::Forbidden(scope)))
}

/// Goes on unless somebody of that role is the last owner.
async fn keep_an_owner(tx: &mut TenantTx, role: Role) -> Result<(), Error> {
    if role == Role::Owner && tx.memberships().owners().await? <= 1 {
        return Err(Error::Conflict("a tenant needs an owner; make somebody else one first"));
    }
    Ok(())
}
