//! How many of something each one, and all together, may have at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each one has.
#[derive(Clone)]
pub(super) struct Quota<K> {
    held: Arc<Mutex<HashMap<K, usize>>>,
    each: usize,
    all: usize,
}

/// One of what is counted, until it is dropped.
pub(super) struct Permit<K: Eq + Hash> {
    quota: Quota<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> Quota<K> {
    /// At most `each` for each one, and `all` together.
    pub(super) fn new(each: usize, all: usize) -> Self {
        Self { held: Arc::default(), each, all }
    }

    /// One more for `key`; `None` where that would be too many.
    pub(super) fn take(&self, key: K) -> Option<Permit<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = held.get(&key).copied().unwrap_or(0);
        if mine >= self.each || held.values().sum::<usize>() >= self.all {
            return None;
        }
        held.insert(key.clone(), mine + 1);
        drop(held);
        Some(Permit { quota: self.clone(), key })
    }

    /// Whether nobody has any.
    pub(super) fn is_unused(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut held = self.quota.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_one_and_all_together() {
        let quota = Quota::new(2, 3);
        let first = quota.take(1).unwrap();
        let _second = quota.take(1).unwrap();
        assert!(quota.take(1).is_none(), "each");
        let third = quota.take(2).unwrap();
        assert!(quota.take(3).is_none(), "all");
        drop(third);
        assert!(quota.take(1).is_none());
        drop(first);
        assert!(quota.take(1).is_some(), "it was given back");
        assert!(!quota.is_unused());
        drop(_second);
        assert!(quota.is_unused());
    }
}
