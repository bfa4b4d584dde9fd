package engine

import (
	"fmt"
	"os"
)

// A Lease is a hold on the leases of a home. The operating system lets go of
// it when the process ends, however it ends.
//
//	commands that use the engine of another process   hold it together
//	the process of an engine that is about to end     holds it alone
//
// So an engine does not end under those that use it, and nobody begins to use
// one that is about to end.
type Lease struct{ file *os.File }

// Share takes a lease beside others. It reports false while the engine is
// about to end.
func Share(dir string) (*Lease, bool, error) { return takeLease(home(dir), together) }

// TakeAlone takes the lease that no other may stand beside. It reports false
// while there are others.
func TakeAlone(dir string) (*Lease, bool, error) { return takeLease(home(dir), alone) }

// A hold is whether a file's lock is held beside others.
type hold int

const (
	together hold = iota
	alone
)

func takeLease(h home, how hold) (*Lease, bool, error) {
	f, err := os.OpenFile(h.leases(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	ours, err := tryLock(f, how)
	if ours {
		return &Lease{f}, true, nil
	}
	f.Close()
	if err != nil {
		return nil, false, fmt.Errorf("locking %s: %w", h.leases(), err)
	}
	return nil, false, nil
}

// Release lets go of the lease.
func (l *Lease) Release() error { return l.file.Close() }
