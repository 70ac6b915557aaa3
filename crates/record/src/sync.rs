//! What the threads of a recording share: of std, or of loom in its tests.

#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
    mpsc,
};

#[cfg(all(test, loom))]
pub(crate) use loom::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// loom has no bounded channel, and none that can be waited for until a timeout.
#[cfg(all(test, loom))]
pub(crate) mod mpsc {
    use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    use std::collections::VecDeque;
    use std::sync::PoisonError;
    pub(crate) use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TrySendError};
    use std::time::Duration;

    struct Queue<T> {
        messages: VecDeque<T>,
        capacity: usize,
        senders: usize,
        has_receiver: bool,
    }

    struct Shared<T> {
        queue: Mutex<Queue<T>>,
        changed: Condvar,
    }

    pub(crate) struct SyncSender<T>(Arc<Shared<T>>);
    pub(crate) struct Receiver<T>(Arc<Shared<T>>);
    pub(crate) type Sender<T> = SyncSender<T>;

    pub(crate) fn sync_channel<T>(capacity: usize) -> (SyncSender<T>, Receiver<T>) {
        let queue = Queue { messages: VecDeque::new(), capacity, senders: 1, has_receiver: true };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new() });
        (SyncSender(Arc::clone(&shared)), Receiver(shared))
    }

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        sync_channel(usize::MAX)
    }

    impl<T> Shared<T> {
        fn lock(&self) -> MutexGuard<'_, Queue<T>> {
            // After a failed assertion the ends are dropped all the same.
            self.queue.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl<T> SyncSender<T> {
        pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
            let mut queue = self.0.lock();
            if !queue.has_receiver {
                return Err(TrySendError::Disconnected(message));
            }
            if queue.messages.len() == queue.capacity {
                return Err(TrySendError::Full(message));
            }
            queue.messages.push_back(message);
            self.0.changed.notify_all();
            Ok(())
        }

        pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
            let mut queue = self.0.lock();
            while queue.has_receiver && queue.messages.len() == queue.capacity {
                queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if !queue.has_receiver {
                return Err(SendError(message));
            }
            queue.messages.push_back(message);
            self.0.changed.notify_all();
            Ok(())
        }
    }

    impl<T> Clone for SyncSender<T> {
        fn clone(&self) -> Self {
            self.0.lock().senders += 1;
            SyncSender(Arc::clone(&self.0))
        }
    }

    impl<T> Drop for SyncSender<T> {
        fn drop(&mut self) {
            self.0.lock().senders -= 1;
            self.0.changed.notify_all();
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn recv(&self) -> Result<T, RecvError> {
            let mut queue = self.0.lock();
            loop {
                if let Some(message) = queue.messages.pop_front() {
                    self.0.changed.notify_all();
                    return Ok(message);
                }
                if queue.senders == 0 {
                    return Err(RecvError);
                }
                queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }

        /// Without a timeout: in the tests a message always comes.
        pub(crate) fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
            self.recv().map_err(|RecvError| RecvTimeoutError::Disconnected)
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let unreceived = {
                let mut queue = self.0.lock();
                self.0.changed.notify_all();
                queue.has_receiver = false;
                std::mem::take(&mut queue.messages)
            };
            drop(unreceived);
        }
    }
}
