//! The one TLS stack: rustls over aws-lc-rs with compiled-in roots, so that a cold start reads no certificate file.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};

use crate::env::Env;

/// Amazon's own roots (Amazon Trust Services): what AWS endpoints chain to. All of the web's would take 5 ms to parse.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The client side of TLS for HTTP and Postgres, with the web's roots.
pub fn client_config() -> anyhow::Result<ClientConfig> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = client_config_with(&[])?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

/// Like [`client_config`], with the certificate authorities of a PEM file beside the web's.
pub fn client_config_with(extra_pem: &[u8]) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(extra_pem) {
        roots
            .add(certificate.context("read the certificate authorities")?)
            .context("trust a certificate authority")?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The AWS SDK's configuration: its usual chain of credentials and region over our TLS.
pub async fn aws_config(env: &Env) -> anyhow::Result<aws_config::SdkConfig> {
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
    if let Some(endpoint) = env.url("AWS_ENDPOINT_URL")? {
        // Someone else's certificate may come from anywhere: then the SDK's own client trusts what the system trusts.
        return Ok(loader.endpoint_url(endpoint).load().await);
    }
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context =
        TlsContext::builder().with_trust_store(roots).build().context("build the TLS context for AWS")?;
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https();
    loader = loader.http_client(client);
    Ok(loader.load().await)
}

/// An HTTP client for model providers and key sets: our TLS, no redirects (a bearer token must not follow one), no
/// proxy from the environment.
pub fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(client_config()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(std::time::Duration::from_secs(5))
        .no_proxy()
        .build()
        .context("build the HTTP client")
}
