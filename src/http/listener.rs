//! Takes connections and serves them, with limits on what a stranger may hold.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metrics::counter;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tracing::{debug, warn};

use super::client::Peer;
use crate::platform::{clock::Clock, metrics::LIMIT_REACHED_TOTAL, tasks::Tasks};

/// Connections that carry ordinary requests. One that became a WebSocket counts no more.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Time a client has to send the head of a request.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(10);
/// Pause after the machine refused a connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` until the process is asked hard to leave: a server that only drains still answers, so
/// that it can say so.
///
/// # Errors
/// None while it runs; the type is that of a vital task.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks, clock: Clock) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = select! {
            biased;
            () = tasks.stopping() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be taken");
                clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            counter!(LIMIT_REACHED_TOTAL, "limit" => "connections").increment(1);
            warn!(limit = CONNECTIONS_MAX, "too many connections: one was dropped");
            continue;
        };
        tasks.spawn(converse(stream, peer, router.clone(), tasks.clone(), place));
    }
}

/// One connection, from its first request to its last.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tasks: Tasks,
    _place: OwnedSemaphorePermit,
) {
    // Twenty milliseconds of sound must not wait for a full packet.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "small packets may be held back");
    }
    let router = router.layer(Extension(Peer(peer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = select! {
        ended = connection.as_mut() => ended,
        () = tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}
