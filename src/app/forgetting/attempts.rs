//! How often somebody was called whose number is forgotten.
//!
//! What is remembered is a digest of the number under a key of the tenant's, for as long as attempts count: whoever is to be
//! called again is recognised by their number, and nobody can say from what is kept whose number it was.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::{Error, keys::Keys},
    domain::{id::TenantId, outgoing::rules::WEEK_MIN, phone::E164, time::Timestamp},
    platform::secrets::{self, Place},
    store::{Root, SealedColumn, TenantTx},
};

/// Remembers the attempts that go with a thing, as long as they count. In the transaction in which they go.
///
/// # Errors
/// [`Error::Unavailable`].
pub(super) async fn remember(
    tx: &mut TenantTx,
    keys: &Keys,
    root: Root,
    id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let attempts = tx.forgetting().attempts_with(root, id, now.plus_minutes(-WEEK_MIN)).await?;
    if attempts.is_empty() {
        return Ok(());
    }
    let key = match opened(tx, keys).await? {
        Some(key) => key,
        None => {
            let fresh = secrets::fresh_key();
            let tenant = tx.tenant_id().clone();
            tx.forgetting().set_digest_key(&keys.seal(place(&tenant), &fresh)?, now).await?;
            fresh
        }
    };
    for (number, at) in attempts {
        tx.forgetting().remember_attempt(&digest(&key, &number), at).await?;
    }
    Ok(())
}

/// When somebody was called of whom nothing else is known any more, after `since`.
///
/// # Errors
/// [`Error::Unavailable`].
pub(in crate::app) async fn remembered(
    tx: &mut TenantTx,
    keys: &Keys,
    number: &E164,
    since: Timestamp,
) -> Result<Vec<Timestamp>, Error> {
    match opened(tx, keys).await? {
        Some(key) => Ok(tx.forgetting().remembered_attempts(&digest(&key, number), since).await?),
        None => Ok(vec![]),
    }
}

/// What digests are made with. One that opens no more, such as after a start without a lasting key, is as good as none.
async fn opened(tx: &mut TenantTx, keys: &Keys) -> Result<Option<SecretString>, Error> {
    let Some(sealed) = tx.forgetting().digest_key().await? else { return Ok(None) };
    let tenant = tx.tenant_id().clone();
    match keys.open(place(&tenant), &sealed).await {
        Ok(key) => Ok(Some(key)),
        Err(error @ crate::app::keys::Error::Store(_)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                tenant.id = %tenant,
                error = &error as &dyn std::error::Error,
                "it is not known any more how often people were called who are forgotten"
            );
            Ok(None)
        }
    }
}

fn digest(key: &SecretString, number: &E164) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
    base64_simd::STANDARD.encode_to_string(hmac::sign(&key, number.as_str().as_bytes()))
}

fn place(tenant: &TenantId) -> Place<'_> {
    Place { owner: Some(tenant), column: SealedColumn::DigestKey.name(), row: tenant.as_str() }
}
