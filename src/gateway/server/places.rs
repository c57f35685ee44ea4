//! The places of connections. If all are taken, an idle connection ends for a new one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::state::ConnectionState;

/// How long a connection is idle before it may end for another one.
const MIN_IDLE: Duration = Duration::from_millis(200);

/// The places, and the connections that have them.
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// In the order of their start.
    taken: Mutex<Vec<Weak<ConnectionState>>>,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
            taken: Mutex::default(),
        }
    }

    /// Waits for a place. May be cancelled and called again.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                return Some(place);
            }
            self.end_idle_connection();
            let place = Arc::clone(&self.free).acquire_owned();
            if let Ok(place) = timeout(MIN_IDLE, place).await {
                // The semaphore is never closed.
                return place.ok();
            }
        }
    }

    /// Adds a connection that has a place.
    pub(super) fn add(&self, connection: &Arc<ConnectionState>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|other| other.strong_count() > 0);
        taken.push(Arc::downgrade(connection));
    }

    /// Ends an idle connection of the client that has most connections, the longest idle one.
    fn end_idle_connection(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<Arc<ConnectionState>> = taken.iter().filter_map(Weak::upgrade).collect();
        drop(taken);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for connection in &open {
            *counts.entry(client(connection.peer.ip())).or_default() += 1;
        }
        let idle = open.iter().filter_map(|connection| {
            let idle = connection.idle_time().filter(|idle| *idle >= MIN_IDLE)?;
            Some((counts[&client(connection.peer.ip())], idle, connection))
        });
        if let Some((_, _, connection)) = idle.max_by_key(|(count, idle, _)| (*count, *idle)) {
            connection.shared.settings.metrics.count_failure("idle");
            connection.end.notify_one();
        }
    }
}

/// Returns the client behind an address: the address, or its /64 network with IPv6, which is one customer's.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_network() {
        for (address, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            let [one, two] = [address, other].map(|text| client(text.parse().unwrap()));
            assert_eq!(one == two, is_same, "{address} {other}");
        }
    }
}
