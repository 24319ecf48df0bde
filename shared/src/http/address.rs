//! The client's address: what the platform saw and, only where the operator said whose word counts, what a proxy says.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;
use lambda_http::request::RequestContext;

use crate::env::Env;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from, as far as it is known; every request has it in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone)]
pub(super) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// What `TRUSTED_PROXIES` says: addresses and networks, separated by commas.
    pub(super) fn read(env: &Env) -> anyhow::Result<Self> {
        let parse = |text: &String| {
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.with_context(|| format!("TRUSTED_PROXIES: {text:?} is no address and no network"))
        };
        Ok(Self(env.list("TRUSTED_PROXIES").iter().map(parse).collect::<anyhow::Result<_>>()?))
    }

    /// The address of a request's client.
    pub(super) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> ClientAddress {
        ClientAddress(peer(extensions).map(|peer| self.behind(peer, headers)))
    }

    /// Walks from the nearest hop outwards for as long as a trusted proxy vouches for the next one: what stands further left
    /// was written by someone nobody vouches for. The list may be spread over several headers (RFC 9110 §5.3).
    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            if !self.0.iter().any(|proxy| proxy.contains(&nearest)) {
                break;
            }
            let Some(address) = parse(hop) else { break };
            nearest = address.to_canonical();
        }
        nearest
    }
}

/// What the platform saw: API Gateway's or the function URL's on Lambda, else the socket's.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    if let Some(RequestContext::ApiGatewayV2(context)) = extensions.get::<RequestContext>() {
        return context.http.source_ip.as_deref()?.parse().ok();
    }
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.ip())
}

/// An address, perhaps with the port that some proxies add.
fn parse(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(bracketed).or_else(|| hop.parse::<SocketAddr>().ok().map(|peer| peer.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &str, peer: &str, lines: &[&str]) -> String {
        let env = Env::of([("TRUSTED_PROXIES", trusted.to_owned())]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        TrustedProxies::read(&env).unwrap().behind(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_the_operator_said_so() {
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.1.2.3", "::ffff:10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn only_what_trusted_hops_wrote_counts() {
        let chain = |line: &str| client("10.0.0.0/8, 2001:db8::/32", "10.0.0.1", &[line]);
        assert_eq!(chain("203.0.113.9, 198.51.100.7"), "198.51.100.7", "the client's own claim is no proof");
        assert_eq!(chain("203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(chain("198.51.100.7, 2001:db8::5, 10.0.0.2"), "198.51.100.7");
        assert_eq!(chain("10.0.0.3"), "10.0.0.3", "a chain of proxies alone is the outermost of them");
        for unreadable in ["", "unknown", "198.51.100.7, ", "198.51.100.7 10.0.0.2", "é", "999.1.1.1"] {
            assert_eq!(chain(unreadable), "10.0.0.1", "{unreadable:?}");
        }
    }

    #[test]
    fn ports_brackets_and_several_lines_are_read() {
        let trusted = "10.0.0.0/8";
        assert_eq!(client(trusted, "10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client(trusted, "10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client(trusted, "10.0.0.1", &["203.0.113.9", "198.51.100.7,10.0.0.2"]), "198.51.100.7");
    }

    #[test]
    fn a_typo_stops_the_process() {
        for typo in ["10.0.0.0/33", "proxy.example.com", "10.0.0.1-10.0.0.9"] {
            let env = Env::of([("TRUSTED_PROXIES", typo.to_owned())]);
            assert!(TrustedProxies::read(&env).is_err(), "{typo}");
        }
    }
}
