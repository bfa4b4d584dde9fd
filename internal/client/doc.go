// Package client says which engine commands talk to, and how: its endpoint, its
// credentials, and the AWS SDK's clients for it.
//
// A command finds the engine of a home, or brings one up in its own process.
// While it uses another's it holds a lease on the home, and the other process
// keeps its engine up for as long. On AWS there is nothing to find: OnAWS takes
// credentials and region where the AWS CLI would.
//
// It promises no crossed wires: clients of the embedded engine never read the
// person's AWS profile or environment, and those of AWS never go to an endpoint
// that is exported in it.
package client
