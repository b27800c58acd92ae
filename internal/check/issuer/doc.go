// Package issuer reads an Issuer, a ClusterIssuer or a Certificate, and finds what keeps cert-manager from solving DNS-01
// challenges with this webhook. It uses the caller's own account, because the webhook's account may not read Issuers.
package issuer
