// Package client says which engine commands talk to, and how: its endpoint, its
// credentials, and the AWS SDK's clients for it.
//
// It promises no crossed wires: clients of the embedded engine never read the
// person's AWS profile or environment.
package client
