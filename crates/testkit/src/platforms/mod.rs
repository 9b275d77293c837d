//! One file per platform: its events, in its own shape and words, about the things of the sample world.

pub(crate) mod cloudfoundry;
pub(crate) mod exoscale;
pub(crate) mod fujitsu;
pub(crate) mod qovery;
pub(crate) mod rafay;
pub(crate) mod rds;
