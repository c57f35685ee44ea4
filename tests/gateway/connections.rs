//! The gateway's connections over real sockets, with answers that are made for each test.

mod admin;
mod bodies;
mod budget;
mod client;
mod command;
mod limits;
mod origin;
mod requests;
mod server;
mod stopping;
mod tls;
