//! How delta files are made.

/// How much time and memory a delta may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The level of zstd, 9 to 19.
    pub level: u8,
    /// The methods to try.
    pub effort: Effort,
    /// The memory for contents and for the search, in bytes. Larger contents get parts with the method prefix.
    pub memory: u64,
}

impl Options {
    /// The default memory: 512 MiB.
    pub const DEFAULT_MEMORY: u64 = 512 * 1024 * 1024;

    /// Returns the level of literals. They are few, so the best effort takes the highest level.
    pub(super) fn literal_level(&self) -> u8 {
        match self.effort {
            Effort::Fast => self.level,
            Effort::Best => 19,
        }
    }
}

/// The methods to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// `prefix` and `covers`.
    Fast,
    /// All methods.
    Best,
}

/// The names of the classes of bytes in a part, and their stored sizes in bytes.
pub type Classes = Vec<(&'static str, u64)>;
