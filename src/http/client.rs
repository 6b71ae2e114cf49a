//! Where a request comes from.
//!
//! The peer's address, unless the peer is a proxy that the configuration names: then what that one says, read from
//! the right, up to the first address that is no such proxy. Nobody else's word about addresses is believed.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// The other end of the connection. The listener puts it into every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// The address of whoever asks, found out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of whoever asks. `None` when the listener told no peer.
pub(super) fn address(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let peer = canonical(extensions.get::<Peer>()?.0.ip());
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    if !trusted(peer) {
        return Some(peer);
    }
    let told = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let told: Vec<&str> = told.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for text in told.into_iter().rev() {
        // What cannot be read was not written by a proxy that is to be believed.
        let Some(address) = read(text) else { break };
        nearest = address;
        if !trusted(address) {
            break;
        }
    }
    Some(nearest)
}

/// An address, with or without a port.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|with| with.ip()));
    bare.ok().map(canonical)
}

/// IPv4 that came dressed as IPv6 is IPv4.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
