//! HTTP over Unix sockets: JSON, and server-sent events. `admin.sock` is for root; on
//! `status.sock` nothing can be changed.
//!
//! | method and path | answer |
//! |---|---|
//! | `GET /v1/status` | the report |
//! | `GET /v1/model` | what the policy is asked: configuration and state; secrets only for root |
//! | `GET /v1/explain` | by resource: why it is where it is, and what it waits for |
//! | `GET /v1/explain/RESOURCE` | the same of one |
//! | `GET /v1/events` | the report whenever it changed, as server-sent events |
//! | `POST /v1/command` | a command, in the words of `cluster_model::Command` (admin) |
//! | `POST /v1/confirm-off` | an operator's word that a node is off (admin) |
//! | `POST /v1/reload` | what SIGHUP does, and what is wrong with the files (admin) |
//! | `POST /v1/leave` | what SIGTERM does (admin) |
//! | `POST /v1/renew` | the installed program takes this one's place (admin) |

pub(crate) mod client;
mod events;
mod server;

pub(crate) use server::{Sockets, bind, routers, serve};

/// The socket for root.
pub(crate) const ADMIN: &str = "admin.sock";

/// The socket on which nothing can be changed.
pub(crate) const STATUS: &str = "status.sock";
