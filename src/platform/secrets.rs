//! Seals what is secret before it is stored, and opens it again.
//!
//! AES-256-GCM. Whose secret it is, in which column and in which row it stands are bound into the seal, so a sealed
//! value copied elsewhere does not open; the key's id stands before the sealed bytes. A [`Ring`] seals under the newest
//! of its keys and opens under each. It never reads or keeps a key and never prints or logs a secret.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    digest,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::ids;
use crate::domain::id::TenantId;

/// How long a key is, in bytes.
pub const KEY_LEN: usize = 32;

/// The first byte of everything sealed: how it is laid out.
const LAYOUT: u8 = 1;
/// The key's id, in bytes.
const KEY_ID_LEN: usize = 4;
/// Layout, key id and nonce come before the sealed bytes; the tag comes after them.
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;
const NONCE_LEN: usize = aws_lc_rs::aead::NONCE_LEN;
/// Different bytes a key made by chance has at least: fewer happen less than once in a thousand million keys.
const DIFFERENT_BYTES_MIN: usize = 16;

/// Why a secret could not be sealed or opened, or a key not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured text is no key.
    #[error("not a key: 32 bytes in base64, as `openssl rand -base64 32` makes them")]
    NotAKey,
    /// The configured key is one that anybody would try first.
    #[error("a key that is easily guessed; make one with `openssl rand -base64 32`")]
    Guessable,
    /// The sealed bytes are cut, in another layout, or not sealed at all.
    #[error("not a sealed secret")]
    NotSealed,
    /// It was sealed under another key.
    #[error("sealed under another key")]
    OtherKey,
    /// It was altered, or it belongs to another tenant, column or row.
    #[error("the seal is broken")]
    Broken,
}

/// Where a sealed value stands: nowhere else does it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// Whose it is; `None` when it is the platform's.
    pub owner: Option<&'p TenantId>,
    /// In which column, as `table.column`.
    pub column: &'static str,
    /// In which row of it.
    pub row: &'p str,
}

impl Place<'_> {
    /// The names with a byte between that none can contain. No id of a tenant is the platform's word.
    fn bound(&self) -> Vec<u8> {
        let owner = self.owner.map_or("platform", TenantId::as_str);
        [owner.as_bytes(), b"\0", self.column.as_bytes(), b"\0", self.row.as_bytes()].concat()
    }
}

/// One key, ready to seal and open. `Debug` shows only its id.
pub struct Sealer {
    key: RandomizedNonceKey,
    id: u32,
}

impl Sealer {
    /// The sealer of a configured key, written as base64. Its id is taken from its own SHA-256.
    ///
    /// # Errors
    /// [`Error::NotAKey`] unless it is exactly [`KEY_LEN`] bytes.
    pub fn new(base64: &SecretString) -> Result<Self, Error> {
        let bytes = decoded(base64)?;
        let digest = digest::digest(&digest::SHA256, bytes.expose_secret());
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&digest.as_ref()[..KEY_ID_LEN]);
        Self::of(&bytes, u32::from_be_bytes(id))
    }

    /// The sealer of a key that is known by a number, written as base64.
    ///
    /// # Errors
    /// [`Error::NotAKey`] unless it is exactly [`KEY_LEN`] bytes.
    pub fn numbered(id: u32, base64: &SecretString) -> Result<Self, Error> {
        Self::of(&decoded(base64)?, id)
    }

    fn of(bytes: &SecretSlice<u8>, id: u32) -> Result<Self, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose_secret()).map_err(|_| Error::NotAKey)?;
        Ok(Self { key, id })
    }

    /// Seals `secret` for one place.
    ///
    /// # Errors
    /// [`Error::Broken`] when the secret is too long for the cipher, which no text of ours is.
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, Error> {
        let mut body = secret.expose_secret().as_bytes().to_vec();
        let aad = Aad::from(place.bound());
        let nonce = self.key.seal_in_place_append_tag(aad, &mut body).map_err(|_| Error::Broken)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + body.len());
        sealed.push(LAYOUT);
        sealed.extend_from_slice(&self.id.to_be_bytes());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// Tells apart what was never sealed, another key, and a broken seal.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, Error> {
        if key_id(sealed)? != self.id {
            return Err(Error::OtherKey);
        }
        let (head, body) = sealed.split_at_checked(HEAD_LEN).ok_or(Error::NotSealed)?;
        let nonce: [u8; NONCE_LEN] = head[1 + KEY_ID_LEN..].try_into().map_err(|_| Error::NotSealed)?;
        let mut body = body.to_vec();
        let aad = Aad::from(place.bound());
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

/// The keys that are known. It seals under the one with the greatest number.
#[derive(Debug, Default)]
pub struct Ring(RwLock<BTreeMap<u32, Arc<Sealer>>>);

impl Ring {
    /// Takes a key on. One whose number is known stays as it is.
    pub fn learn(&self, sealer: Sealer) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(sealer.id).or_insert_with(|| Arc::new(sealer));
    }

    /// The number of the newest key.
    pub fn newest(&self) -> Option<u32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().next_back().copied()
    }

    /// Seals `secret` for one place, under the newest key.
    ///
    /// # Errors
    /// [`Error::OtherKey`] without any key; otherwise as [`Sealer::seal`].
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, Error> {
        let newest = self.0.read().unwrap_or_else(PoisonError::into_inner).values().next_back().cloned();
        newest.ok_or(Error::OtherKey)?.seal(place, secret)
    }

    /// Opens what was sealed for the same place, under whichever key.
    ///
    /// # Errors
    /// [`Error::OtherKey`] when that key is not known; otherwise as [`Sealer::open`].
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, Error> {
        let id = key_id(sealed)?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.ok_or(Error::OtherKey)?.open(place, sealed)
    }
}

/// Under which key something was sealed.
///
/// # Errors
/// [`Error::NotSealed`].
pub fn key_id(sealed: &[u8]) -> Result<u32, Error> {
    let (layout, rest) = sealed.split_first().ok_or(Error::NotSealed)?;
    match rest.first_chunk::<KEY_ID_LEN>() {
        Some(id) if *layout == LAYOUT => Ok(u32::from_be_bytes(*id)),
        _ => Err(Error::NotSealed),
    }
}

/// A fresh key, in base64.
pub fn fresh_key() -> SecretString {
    base64_simd::STANDARD.encode_to_string(ids::secret()).into()
}

/// Whether a configured key may guard secrets: long enough, and not one that somebody wrote by hand.
///
/// # Errors
/// [`Error::NotAKey`], [`Error::Guessable`].
pub fn check(base64: &SecretString) -> Result<(), Error> {
    let bytes = decoded(base64)?;
    let bytes = bytes.expose_secret();
    let different = bytes.iter().collect::<BTreeSet<_>>().len();
    let step = bytes[1].wrapping_sub(bytes[0]);
    let counted = bytes.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    if different < DIFFERENT_BYTES_MIN || counted { Err(Error::Guessable) } else { Ok(()) }
}

pub(super) fn decoded(base64: &SecretString) -> Result<SecretSlice<u8>, Error> {
    let decoded = base64_simd::STANDARD.decode_to_vec(base64.expose_secret().trim());
    let bytes = SecretSlice::from(decoded.map_err(|_| Error::NotAKey)?);
    if bytes.expose_secret().len() == KEY_LEN { Ok(bytes) } else { Err(Error::NotAKey) }
}
