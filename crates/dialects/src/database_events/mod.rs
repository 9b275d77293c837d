//! What Fujitsu K5's database service and Amazon RDS share, which it was modelled on: source types and event
//! categories, the window of time a list request asks for, its times and its lists of parameters. It knows no shape of
//! an event and no HTTP; which words a platform has, its dialect says.

pub(crate) mod list;
pub(crate) mod sentence;
pub(crate) mod time;
pub(crate) mod vocabulary;
pub(crate) mod window;
