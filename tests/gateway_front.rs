//! The gateway's connections over real sockets, with answers that are made for each test.

#[path = "gateway_front/admin.rs"]
mod admin;
#[path = "support/wharf.rs"]
mod binary;
#[path = "gateway_front/bodies.rs"]
mod bodies;
#[path = "gateway_front/budget.rs"]
mod budget;
#[path = "gateway_front/client.rs"]
mod client;
#[path = "gateway_front/command.rs"]
mod command;
#[path = "gateway_front/limits.rs"]
mod limits;
#[path = "gateway_front/requests.rs"]
mod requests;
#[path = "gateway_front/server.rs"]
mod server;
#[path = "support/serving.rs"]
mod serving;
#[path = "gateway_front/stopping.rs"]
mod stopping;
#[path = "gateway_front/tls.rs"]
mod tls;
