// Package client says which engine commands talk to, and how: its endpoint, its
// credentials, and the AWS SDK's clients for it.
//
// A command finds the engine of a home, or brings one up in its own process.
// While it uses another's it holds a lease on the home, and the other process
// keeps its engine up for as long.
//
// It promises no crossed wires: clients of the embedded engine never read the
// person's AWS profile or environment.
package client
