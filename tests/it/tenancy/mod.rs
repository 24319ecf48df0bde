//! Tenants: what is one's own is nobody else's, through the routes and past them.

mod catalogue;
mod guard;
mod random;
mod routes;
mod wire;
