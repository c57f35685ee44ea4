//! Does a component fit a world, what plugs into what, may one replace another.

mod fixtures;
mod hostile;
mod plugs;
mod reading;
mod targets;
mod upgrades;
