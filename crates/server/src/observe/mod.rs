//! What is told about requests while and after they are worked on: identifiers, log lines and metrics. Nothing here
//! sees a query string, a header's value or a body.

pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod trail;
