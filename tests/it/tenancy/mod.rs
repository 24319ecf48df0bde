//! Tenants: what is one's own is nobody else's, through the routes and past them.

mod catalogue;
mod given_up;
mod guard;
mod routes;
mod storm;
mod wire;
