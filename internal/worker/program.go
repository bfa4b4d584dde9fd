package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// An Arch is a processor's architecture, in the words of Go and of images.
type Arch string

// The architectures that Fargate has.
const (
	AMD64 Arch = "amd64"
	ARM64 Arch = "arm64"
)

// machine is an architecture's number in a program's header.
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
func (a Arch) machine() uint16 {
	if a == ARM64 {
		return 183
	}
	return 62
}

// A ProgramError reports a program that no container can run as its worker.
type ProgramError struct {
	Path, Fact string
	Arch       Arch
}

func (e *ProgramError) Error() string { return e.Path + " " + e.Fact }

// Hint says how to get one that can.
func (e *ProgramError) Hint() string { return e.Arch.build("spate-linux-" + string(e.Arch)) }

// build is the command that makes a worker from a checkout.
func (a Arch) build(out string) string {
	return fmt.Sprintf("CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -trimpath -ldflags='-s -w' -o %s ./cmd/spate", a, out)
}

// Check says why a program cannot stand in front of a container's
// command: it has to be one for Linux, and in need of no library.
func Check(path string, arch Arch) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the worker's program: %w", err)
	}
	defer file.Close()
	machine, segments, err := readProgram(file)
	switch {
	case err != nil:
		return &ProgramError{Path: path, Arch: arch, Fact: "is no program for Linux, as the worker inside containers must be"}
	case machine != arch.machine():
		return &ProgramError{Path: path, Arch: arch, Fact: "is not for " + string(arch) + ", as the image is"}
	case slices.Contains(segments, interpreter):
		return &ProgramError{Path: path, Arch: arch, Fact: "needs libraries of this machine, which images do not have"}
	}
	return nil
}

// interpreter is the type of the segment that names what loads a program's
// libraries.
const interpreter = 3

// readProgram returns a program's machine and the types of its segments. It
// knows those of 64 bits, little end first: so are all on which spate runs.
// (Package debug/elf, with all that it can unpack, is a fifth of a megabyte.)
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
func readProgram(file io.ReaderAt) (machine uint16, segments []uint32, err error) {
	var header [64]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return 0, nil, err
	}
	if !bytes.HasPrefix(header[:], []byte("\x7fELF\x02\x01")) {
		return 0, nil, errors.New("not a program")
	}
	number := binary.LittleEndian
	at, size, count := number.Uint64(header[32:]), number.Uint16(header[54:]), number.Uint16(header[56:])
	segments = make([]uint32, count)
	for i := range segments {
		var segment [4]byte
		if _, err := file.ReadAt(segment[:], int64(at)+int64(i)*int64(size)); err != nil {
			return 0, nil, err
		}
		segments[i] = number.Uint32(segment[:])
	}
	return number.Uint16(header[18:]), segments, nil
}

// Checkout returns the folder with spate's source that holds the given one, or
// nothing.
func Checkout(dir string) string {
	const module = "module github.com/spate-run/spate\n"
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.Contains(text, []byte(module)) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// A Finder finds the program that is the worker of an architecture.
type Finder struct {
	// Self is the path of this program.
	Self string
	// Checkout is a folder with spate's source, or empty.
	Checkout string
	// Cache is the folder in which programs are kept that are built from it.
	Cache string
}

// Program returns the path of a worker: this program where it fits, else
// spate-linux-ARCH beside it, else one that is built from the checkout.
func (f Finder) Program(ctx context.Context, arch Arch) (string, error) {
	if runtime.GOOS == "linux" && Check(f.Self, arch) == nil {
		return f.Self, nil
	}
	beside := filepath.Join(filepath.Dir(f.Self), "spate-linux-"+string(arch))
	err := Check(beside, arch)
	switch {
	case err == nil:
		return beside, nil
	case !errors.Is(err, os.ErrNotExist):
		return "", err
	case f.Checkout == "":
		return "", &ProgramError{Path: beside, Arch: arch, Fact: "is not there: an image for " + string(arch) + " needs it as its worker"}
	}
	return f.build(ctx, arch)
}

// build builds a worker from the checkout. Go's own cache makes that quick the
// second time.
func (f Finder) build(ctx context.Context, arch Arch) (string, error) {
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(f.Cache, "spate-linux-"+string(arch))
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/spate")
	command.Dir = f.Checkout
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+string(arch))
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the worker for %s in %s: %w\n%s", arch, f.Checkout, err, bytes.TrimSpace(out))
	}
	return path, nil
}
