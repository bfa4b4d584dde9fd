// Package engine is the embedded engine: AWS's services joined to one
// http.Handler on a loopback address, over one home folder.
//
//	home/
//	  lock      held while an engine runs; holds its address
//	  leases    held, shared, by commands that use the engine of another process
//	  identity  the port and the keys that are kept from run to run
//	  spate.db  the store
//	  objects/  S3's objects, as plain files
//	  images/   the layers of ECR's images, as plain files
//	  work/     the folders of workers, which end with them
//
// The services do not know each other. The engine joins them: the queues'
// counts become CloudWatch's metrics, alarms invoke scaling policies and publish to
// topics, topics send to queues, scaling policies set a service's desired count,
// schedules and rules call the services' operations, tasks write to Logs, and CloudFormation makes resources through
// the same AWS API that everyone uses.
//
// Tasks whose image is a folder's absolute path are processes; others are
// containers, for which Docker is looked for when the first is to start. Then the
// engine answers at an address of Docker's bridge too, signed requests only.
// Containers outlive an engine that is killed, and the next one takes them back.
//
// It promises one engine a home, and that nothing it started is left when Run
// returns. How clients are made and which engine a command takes is left to
// package client.
package engine
