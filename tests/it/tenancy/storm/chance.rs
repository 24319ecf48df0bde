//! Chance that can be had again: `TEST_STORM_SEED` in the environment chooses it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    /// From the seed of the environment, or one that nobody chose; it is printed.
    pub fn seeded(what: &str) -> Self {
        let given = std::env::var("TEST_STORM_SEED").ok();
        let chosen = given.map_or_else(clock, |text| text.parse().expect("TEST_STORM_SEED is a number"));
        println!("{what}: TEST_STORM_SEED={chosen} chooses the same requests");
        Self::from_seed(chosen)
    }

    /// From this seed.
    pub fn from_seed(seed: u64) -> Self {
        // Zero would stay zero, and small seeds begin alike.
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.below(2);
        }
        chance
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit
    }

    /// Whether one of `of` comes up.
    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}
