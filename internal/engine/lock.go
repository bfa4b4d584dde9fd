package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spate-run/spate/internal/wire"
)

// An Address is how to reach an engine.
type Address struct {
	Endpoint string
	Region   string
	Keys     wire.Keys
	Cadence  int
	PID      int
	// Quiet says that the engine starts nothing by itself.
	Quiet bool
	// Brief says that it ends with the command that brought it up.
	Brief bool
}

// A BusyError reports a home in which another engine runs.
type BusyError struct {
	Home string
	By   Address
}

func (e *BusyError) Error() string {
	if e.By.Endpoint == "" {
		return fmt.Sprintf("another engine is starting or ending in %s", e.Home)
	}
	return fmt.Sprintf("an engine runs in %s already: process %d at %s", e.Home, e.By.PID, e.By.Endpoint)
}

// A lock is held by the one engine of a home. The operating system lets go of
// it when the process ends, however it ends.
type lock struct{ file *os.File }

// takeLock takes the home's lock, or returns a BusyError.
func takeLock(h home) (*lock, error) {
	f, err := os.OpenFile(h.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &UnusableError{string(h), err}
	}
	ours, err := tryLock(f, alone)
	if ours {
		return &lock{f}, f.Truncate(0)
	}
	defer f.Close()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", h.lock(), err)
	}
	at, err := readAddress(f)
	if err != nil {
		return nil, err
	}
	return nil, &BusyError{Home: string(h), By: at}
}

// publish tells others where the engine is.
func (l *lock) publish(at Address) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = l.file.WriteAt(text, 0)
	return err
}

func (l *lock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// Find returns the address of the engine that runs in a home, and whether one
// does. An engine that is just starting has an Address without an Endpoint.
func Find(dir string) (Address, bool, error) {
	f, err := os.Open(home(dir).lock())
	if errors.Is(err, fs.ErrNotExist) {
		return Address{}, false, nil
	}
	if err != nil {
		return Address{}, false, &UnusableError{dir, err}
	}
	defer f.Close()
	free, err := tryLock(f, together)
	if err != nil {
		return Address{}, false, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	if free {
		return Address{}, false, nil
	}
	at, err := readAddress(f)
	return at, err == nil, err
}

func readAddress(f *os.File) (Address, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return Address{}, err
	}
	text := make([]byte, info.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		return Address{}, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	var at Address
	if err := json.Unmarshal(text, &at); err != nil {
		return Address{}, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return at, nil
}
