//! Does a component fit a world, what plugs into what, may one replace another.

#[path = "../support/binary.rs"]
mod binary;
#[path = "../support/smith.rs"]
mod smith;

mod hostile;
mod plugs;
mod reading;
mod support;
mod targets;
mod upgrades;
#[path = "../support/worlds.rs"]
mod worlds;
