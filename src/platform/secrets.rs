//! Seals what is secret before it is stored, and opens it again.
//!
//! AES-256-GCM under the configured key. Whose secret it is and in which column it stands are bound into the
//! seal, so a sealed value copied to another row or column does not open. It never prints or logs a secret.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    digest,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::domain::id::TenantId;

/// How long the key is, in bytes.
pub const KEY_LEN: usize = 32;

/// The first byte of everything sealed: how it is laid out.
const LAYOUT: u8 = 1;
/// The key's id, in bytes: the beginning of its SHA-256.
const KEY_ID_LEN: usize = 4;
/// Layout, key id and nonce come before the sealed bytes; the tag comes after them.
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;
const NONCE_LEN: usize = aws_lc_rs::aead::NONCE_LEN;

/// Why a secret could not be sealed or opened, or a key not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured text is no key.
    #[error("not a key: 32 bytes in base64, as `openssl rand -base64 32` makes them")]
    NotAKey,
    /// The sealed bytes are cut, in another layout, or not sealed at all.
    #[error("not a sealed secret")]
    NotSealed,
    /// It was sealed under another key.
    #[error("sealed under another key")]
    OtherKey,
    /// It was altered, or it belongs to another tenant or column.
    #[error("the seal is broken")]
    Broken,
}

/// The key, ready to seal and open. `Debug` shows only its id.
pub struct Sealer {
    key: RandomizedNonceKey,
    id: [u8; KEY_ID_LEN],
}

impl Sealer {
    /// The sealer of a key written as base64.
    ///
    /// # Errors
    /// [`Error::NotAKey`] unless it is exactly [`KEY_LEN`] bytes.
    pub fn new(base64: &SecretString) -> Result<Self, Error> {
        let decoded = base64_simd::STANDARD.decode_to_vec(base64.expose_secret().trim());
        let bytes = SecretSlice::from(decoded.map_err(|_| Error::NotAKey)?);
        if bytes.expose_secret().len() != KEY_LEN {
            return Err(Error::NotAKey);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose_secret()).map_err(|_| Error::NotAKey)?;
        let digest = digest::digest(&digest::SHA256, bytes.expose_secret());
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&digest.as_ref()[..KEY_ID_LEN]);
        Ok(Self { key, id })
    }

    /// Seals `secret` for one column of one tenant.
    ///
    /// # Errors
    /// [`Error::Broken`] when the secret is too long for the cipher, which no text of ours is.
    pub fn seal(&self, tenant: &TenantId, column: &str, secret: &SecretString) -> Result<Vec<u8>, Error> {
        let mut body = secret.expose_secret().as_bytes().to_vec();
        let aad = Aad::from(bound_to(tenant, column));
        let nonce = self.key.seal_in_place_append_tag(aad, &mut body).map_err(|_| Error::Broken)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + body.len());
        sealed.push(LAYOUT);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what was sealed for the same column of the same tenant.
    ///
    /// # Errors
    /// Tells apart what was never sealed, another key, and a broken seal.
    pub fn open(&self, tenant: &TenantId, column: &str, sealed: &[u8]) -> Result<SecretString, Error> {
        let (head, body) = sealed.split_at_checked(HEAD_LEN).ok_or(Error::NotSealed)?;
        let (layout, rest) = head.split_first().ok_or(Error::NotSealed)?;
        let (id, nonce) = rest.split_at(KEY_ID_LEN);
        if *layout != LAYOUT {
            return Err(Error::NotSealed);
        }
        if id != self.id {
            return Err(Error::OtherKey);
        }
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| Error::NotSealed)?;
        let mut body = body.to_vec();
        let aad = Aad::from(bound_to(tenant, column));
        let opened = self.key.open_in_place((&nonce).into(), aad, &mut body).map_err(|_| Error::Broken)?;
        let len = opened.len();
        body.truncate(len);
        String::from_utf8(body).map(SecretString::from).map_err(|_| Error::Broken)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The two names with a byte between that neither can contain.
fn bound_to(tenant: &TenantId, column: &str) -> Vec<u8> {
    [tenant.as_str().as_bytes(), b"\0", column.as_bytes()].concat()
}
