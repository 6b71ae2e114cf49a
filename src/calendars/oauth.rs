//! Consent and tokens at both vendors: OAuth 2.0 with PKCE (protocols.md §3.1, §4.1).
