//! Requests and whole answers.
