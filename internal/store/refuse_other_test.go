//go:build !linux

package store_test

import "errors"

// writeRefused needs Linux's seccomp.
func writeRefused(string, string) error { return errors.ErrUnsupported }
