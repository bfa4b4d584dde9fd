package docker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Where the worker is in a container: below a name that no image has.
const (
	workerFile   = "/.spate/worker"
	workerVolume = "/.spate/work"
	workerName   = "w"
	workerDir    = workerVolume + "/" + workerName
)

// workerFolder is an archive of the worker's own folder, in which any user may
// write: a volume that is new is root's alone.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar)
func workerFolder() io.Reader {
	var archive [3 * 512]byte // the header, and the two blocks of an archive's end
	header := archive[:512]
	copy(header[0:], workerName+"/")
	copy(header[100:], "0001777")
	copy(header[124:], "00000000000") // size
	copy(header[136:], "00000000000") // time
	header[156] = '5'                 // a folder
	copy(header[257:], "ustar\x0000")
	copy(header[148:], "        ") // counts as the sum of all while that is taken
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	return bytes.NewReader(archive[:])
}

// checkWorker says why a program cannot stand in front of a container's
// command.
func checkWorker(path string) error {
	const hint = "build it with GOOS=linux CGO_ENABLED=0 go build"
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the worker's program: %w", err)
	}
	defer file.Close()
	types, err := segments(file)
	if err != nil {
		return fmt.Errorf("%s is no program for Linux, as the worker inside containers must be: %s", path, hint)
	}
	if slices.Contains(types, interpreter) {
		return fmt.Errorf("%s needs libraries of this machine, which images do not have: %s", path, hint)
	}
	return nil
}

// interpreter is the type of the segment that names what loads a program's
// libraries.
const interpreter = 3

// segments are the types of a program's segments, of 64 bits, little end first:
// so are all on which spate runs. (Package debug/elf, with all that it can
// unpack, is a fifth of a megabyte.)
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
func segments(file io.ReaderAt) ([]uint32, error) {
	var header [64]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return nil, err
	}
	if string(header[:6]) != "\x7fELF\x02\x01" {
		return nil, errors.New("not a program")
	}
	number := binary.LittleEndian
	at, size, count := number.Uint64(header[32:]), number.Uint16(header[54:]), number.Uint16(header[56:])
	types := make([]uint32, count)
	for i := range types {
		var segment [4]byte
		if _, err := file.ReadAt(segment[:], int64(at)+int64(i)*int64(size)); err != nil {
			return nil, err
		}
		types[i] = number.Uint32(segment[:])
	}
	return types, nil
}

// inFront puts the worker in front of what a container runs. The command that
// the definition gives goes to the image's entry point, which is to take it.
func inFront(image imageConfig, entrypoint, command []string) (withWorker, cmd []string, err error) {
	if entrypoint == nil {
		entrypoint = image.entrypoint
		if command != nil && isShellForm(entrypoint) {
			return nil, nil, fmt.Errorf("the image's ENTRYPOINT is a line for a shell, %q, which takes no arguments, and there is a command: write it as a list, ENTRYPOINT [\"program\", \"argument\"]", entrypoint[2])
		}
		if command == nil {
			command = image.command
		}
	}
	if len(entrypoint)+len(command) == 0 {
		return nil, nil, errors.New("no command specified")
	}
	return append([]string{workerFile, "agent", "--"}, entrypoint...), command, nil
}

// isShellForm says whether an entry point was written without brackets.
func isShellForm(entrypoint []string) bool {
	return len(entrypoint) == 3 && entrypoint[1] == "-c" && strings.HasPrefix(entrypoint[0], "/") && strings.HasSuffix(entrypoint[0], "sh")
}
