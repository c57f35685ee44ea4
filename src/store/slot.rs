//! Slots that limit transfers. A transfer occupies its slot only while bytes flow, so a silent server does not delay
//! other transfers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Error;

/// The longest silence during which a transfer occupies its slot.
const MAX_SILENCE: Duration = Duration::from_secs(2);

/// The slot of one transfer, which takes a permit of every semaphore.
#[derive(Debug, Default)]
pub struct TransferSlot {
    semaphores: Vec<Arc<Semaphore>>,
    /// All permits, or none.
    permits: Vec<OwnedSemaphorePermit>,
}

impl TransferSlot {
    /// Returns a slot that takes its permits in this order. Without a semaphore, the transfer is not limited.
    pub fn new(semaphores: Vec<Arc<Semaphore>>) -> Self {
        Self {
            semaphores,
            permits: Vec::new(),
        }
    }

    /// Waits until the transfer occupies its slot.
    pub async fn occupy(&mut self) -> Result<(), Error> {
        if !self.permits.is_empty() {
            return Ok(());
        }
        let mut permits = Vec::with_capacity(self.semaphores.len());
        for semaphore in &self.semaphores {
            let permit = Arc::clone(semaphore).acquire_owned().await;
            permits.push(permit.map_err(|_| Error::Interrupted)?);
        }
        self.permits = permits;
        Ok(())
    }

    /// Lets another transfer have the slot.
    pub(super) fn release(&mut self) {
        self.permits.clear();
    }

    /// Waits for the server, and releases the slot if the server is silent. The transfer must occupy its slot again
    /// before it reads more.
    pub(super) async fn wait<T>(&mut self, server: impl Future<Output = T>) -> T {
        let mut server = pin!(server);
        if let Ok(answer) = timeout(MAX_SILENCE, &mut server).await {
            return answer;
        }
        self.release();
        server.await
    }
}
