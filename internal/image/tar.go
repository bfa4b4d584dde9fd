package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Archives are read and written here as far as images need it: package
// archive/tar, with all that it knows of, is a tenth of a megabyte.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar)

const tarBlock = 512

// The types of files in an archive.
const (
	tarFile    = '0'
	tarLink    = '1'
	tarSymlink = '2'
	tarFolder  = '5'
	tarLong    = 'x' // says more of the next file
)

// tarHead is the block before a file, in which nothing depends on when or by
// whom it is written.
func tarHead(name string, kind byte, mode, size int64) []byte {
	head := make([]byte, tarBlock)
	copy(head[0:], name)
	copy(head[100:], fmt.Sprintf("%07o\x00%07o\x00%07o\x00%011o\x00%011o\x00", mode, 0, 0, size, 0))
	head[156] = kind
	copy(head[257:], "ustar\x0000")
	copy(head[148:], "        ") // counts as the sum of all while that is taken
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
	return head
}

// tarPadding is what follows a file, to the end of its last block.
func tarPadding(size int64) []byte { return make([]byte, -size&(tarBlock-1)) }

// A tarEntry is a file in an archive.
type tarEntry struct {
	name, target string
	kind         byte
	content      *io.SectionReader
}

// eachTar calls use with the files of an archive.
func eachTar(archive io.ReaderAt, use func(tarEntry)) error {
	var more map[string]string // what a block before says of the next file
	for at := int64(0); ; {
		head := make([]byte, tarBlock)
		if _, err := archive.ReadAt(head, at); err != nil {
			return err
		}
		if head[0] == 0 {
			return nil
		}
		e, size, err := readTarHead(head, more)
		if err != nil {
			return err
		}
		more = nil
		e.content = io.NewSectionReader(archive, at+tarBlock, size)
		if e.kind == tarLong {
			if more, err = readTarMore(e.content); err != nil {
				return err
			}
		} else if use(e); e.kind == tarLink || e.kind == tarSymlink || e.kind == tarFolder {
			size = 0
		}
		at += tarBlock + size + int64(len(tarPadding(size)))
	}
}

var errTar = errors.New("it is no archive")

func readTarHead(head []byte, more map[string]string) (e tarEntry, size int64, err error) {
	text := func(from, to int) string {
		word, _, _ := bytes.Cut(head[from:to], []byte{0})
		return string(word)
	}
	if !bytes.HasPrefix(head[257:], []byte("ustar")) {
		return e, 0, errTar
	}
	e = tarEntry{name: text(0, 100), target: text(157, 257), kind: head[156]}
	if head[156] == 0 { // as the oldest archives have it
		e.kind = tarFile
	}
	if prefix := text(345, 500); prefix != "" && head[262] == 0 {
		e.name = prefix + "/" + e.name
	}
	if name := more["path"]; name != "" {
		e.name = name
	}
	if target := more["linkpath"]; target != "" {
		e.target = target
	}
	digits, base := strings.Trim(text(124, 136), " "), 8
	switch {
	case more["size"] != "":
		digits, base = more["size"], 10
	case head[124]&0x80 != 0: // binary, of what octal digits cannot hold
		head[124] &^= 0x80
		for _, b := range head[124:136] {
			size = size<<8 | int64(b)
		}
		return e, size, nil
	}
	if size, err = strconv.ParseInt(digits, base, 64); err != nil || size < 0 {
		return e, 0, errTar
	}
	return e, size, nil
}

// readTarMore reads lines of the form "length key=value\n".
func readTarMore(from *io.SectionReader) (map[string]string, error) {
	if from.Size() > mostText {
		return nil, errTar
	}
	text, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	more := map[string]string{}
	for len(text) > 0 {
		digits, _, _ := bytes.Cut(text, []byte(" "))
		n, err := strconv.Atoi(string(digits))
		if err != nil || n <= len(digits)+1 || n > len(text) {
			return nil, errTar
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(string(text[len(digits)+1:n]), "\n"), "=")
		more[name], text = value, text[n:]
	}
	return more, nil
}
