//! A map that forgets the least important entries before it grows past its bound.

use std::collections::HashMap;

/// At most `entries_max` entries by key.
#[derive(Debug)]
pub struct Bounded<T> {
    entries: HashMap<String, T>,
    entries_max: usize,
}

impl<T> Bounded<T> {
    /// An empty one.
    pub fn new(entries_max: usize) -> Self {
        Self { entries: HashMap::new(), entries_max: entries_max.max(8) }
    }

    /// The entry of that key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    /// The entry of that key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    /// Forgets an entry.
    pub fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }

    /// Puts an entry in place. Where there is no room, the eighth of the entries of lowest `worth` goes, so that the
    /// search for them is paid once for many.
    pub fn put(&mut self, key: &str, entry: T, worth: impl Fn(&T) -> i64) {
        if let Some(present) = self.entries.get_mut(key) {
            *present = entry;
            return;
        }
        if self.entries.len() >= self.entries_max {
            let mut worths: Vec<i64> = self.entries.values().map(&worth).collect();
            let mut surplus = self.entries_max / 8;
            let (_, &mut bound, _) = worths.select_nth_unstable(surplus - 1);
            self.entries.retain(|_, entry| {
                let goes = surplus > 0 && worth(entry) <= bound;
                surplus -= usize::from(goes);
                !goes
            });
        }
        self.entries.insert(key.to_owned(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_keeps_what_matters() {
        let mut map = Bounded::new(64);
        map.put("heavy", 1_000, |worth| *worth);
        for number in 0..10_000 {
            map.put(&number.to_string(), number % 7, |worth| *worth);
            assert!(map.entries.len() <= 64);
        }
        assert_eq!(map.get("heavy"), Some(&1_000));
    }
}
