//! Tokens: those that say by themselves who somebody is, and the fingerprints of those that do not.
//!
//! An access token is a JWT signed with HS256 under a key derived from the configured one; nothing else is accepted,
//! whatever a token says of itself. It tells who somebody was when it was made: whether that still holds is not asked
//! here. All other tokens are chance, and only their fingerprint is kept.

use std::fmt;

use aws_lc_rs::{digest, hkdf};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::domain::{
    id::{SessionId, TenantId, UserId},
    people::Role,
    time::Timestamp,
};

/// How long an access token is good, in minutes.
pub const ACCESS_MINUTES: i64 = 15;
/// How far two clocks may differ, in seconds.
pub const SKEW_SECONDS: i64 = 60;

const ISSUER: &str = "frontdesk";
const AUDIENCE: &str = "frontdesk-api";
/// What an operator is called where others have a role.
const OPERATOR: &str = "operator";
/// What somebody is called who has no role anywhere.
const NOBODY: &str = "none";
/// What the derived key is for: another purpose would get another key.
const PURPOSE: &[u8] = b"frontdesk access token, HS256";
const KEY_LEN: usize = 32;

/// Why a token was not accepted, or no signer could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured text is no key.
    #[error("not a key: 32 bytes in base64")]
    NotAKey,
    /// It is not a token of ours.
    #[error("not a token of ours")]
    NotOurs,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// At which tenant, if at one.
    pub tenant: Option<TenantId>,
    /// As what there.
    pub rank: Rank,
    /// When it was made, to the second.
    pub made_at: Timestamp,
}

/// As what somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// A member of the tenant.
    Member(Role),
    /// Whoever runs the platform, at whichever tenant.
    Operator,
    /// A person who belongs to no tenant.
    Nobody,
}

impl Rank {
    fn as_str(self) -> &'static str {
        match self {
            Self::Member(role) => role.as_str(),
            Self::Operator => OPERATOR,
            Self::Nobody => NOBODY,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            OPERATOR => Some(Self::Operator),
            NOBODY => Some(Self::Nobody),
            role => role.parse().ok().map(Self::Member),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    role: String,
    iat: i64,
    exp: i64,
}

/// Signs access tokens, and knows its own again.
pub struct Signer {
    /// The first signs; the others are known again.
    keys: Vec<Key>,
}

struct Key {
    id: String,
    signs: EncodingKey,
    knows: DecodingKey,
}

impl Signer {
    /// A signer whose keys are derived from configured ones, each 32 bytes in base64: the first signs, tokens of the
    /// others stay good.
    ///
    /// # Errors
    /// [`Error::NotAKey`].
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k SecretString>) -> Result<Self, Error> {
        let keys = keys
            .into_iter()
            .map(|key| {
                let decoded = base64_simd::STANDARD.decode_to_vec(key.expose_secret().trim());
                let bytes = decoded.map_err(|_| Error::NotAKey)?;
                if bytes.len() == KEY_LEN { Key::derived(&bytes) } else { Err(Error::NotAKey) }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(Error::NotAKey) } else { Ok(Self { keys }) }
    }

    /// The token that says `access`, good for [`ACCESS_MINUTES`].
    ///
    /// # Errors
    /// [`Error::NotAKey`], which no key of ours causes.
    pub fn sign(&self, access: &Access) -> Result<String, Error> {
        let key = self.keys.first().ok_or(Error::NotAKey)?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        let made = seconds(access.made_at);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: access.user.to_string(),
            sid: access.session.to_string(),
            tenant: access.tenant.as_ref().map(ToString::to_string),
            role: access.rank.as_str().to_owned(),
            iat: made,
            exp: made + ACCESS_MINUTES * 60,
        };
        encode(&header, &claims, &key.signs).map_err(|_| Error::NotAKey)
    }

    /// What a token of ours says, unless its time is over by more than [`SKEW_SECONDS`].
    ///
    /// # Errors
    /// [`Error::NotOurs`], [`Error::Expired`].
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Access, Error> {
        let header = decode_header(token).map_err(|_| Error::NotOurs)?;
        let kid = header.kid.ok_or(Error::NotOurs)?;
        let key = self.keys.iter().find(|key| key.id == kid).ok_or(Error::NotOurs)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // By our clock, below: the library would ask the machine's.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &key.knows, &validation).map_err(|_| Error::NotOurs)?.claims;
        let access = Access {
            user: claims.sub.parse().map_err(|_| Error::NotOurs)?,
            session: claims.sid.parse().map_err(|_| Error::NotOurs)?,
            tenant: claims.tenant.map(|id| id.parse()).transpose().map_err(|_| Error::NotOurs)?,
            rank: Rank::parse(&claims.role).ok_or(Error::NotOurs)?,
            made_at: Timestamp(claims.iat.saturating_mul(1_000_000)),
        };
        let now = seconds(now);
        if claims.iat > now.saturating_add(SKEW_SECONDS) {
            return Err(Error::NotOurs);
        }
        if claims.exp.saturating_add(SKEW_SECONDS) <= now {
            return Err(Error::Expired);
        }
        Ok(access)
    }
}

impl Key {
    fn derived(bytes: &[u8]) -> Result<Self, Error> {
        let mut secret = [0u8; KEY_LEN];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
        salt.extract(bytes)
            .expand(&[PURPOSE], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut secret))
            .map_err(|_| Error::NotAKey)?;
        let id = fingerprint_of(&secret)[..16].to_owned();
        Ok(Self { id, signs: EncodingKey::from_secret(&secret), knows: DecodingKey::from_secret(&secret) })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// The fingerprint of a token, under which it is kept and found: its SHA-256 in hexadecimal digits. A token is 256
/// bits of chance, so nobody finds it by trying.
pub fn fingerprint(token: &str) -> String {
    fingerprint_of(token.as_bytes())
}

fn fingerprint_of(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}
