package s3

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spate-run/spate/internal/store"
)

const (
	// inlineLimit is the size up to which a content goes through the store's
	// log before it becomes a file.
	inlineLimit = 32 << 10
	// unsettledLimit bounds the contents that are no files yet, which the store
	// and memory hold; beyond it small objects are written as large ones.
	unsettledLimit = 32 << 20
)

// files is the folder with the objects' bytes. It knows which files are not
// yet where they belong, so that a reader who finds a row also finds its bytes.
//
//	dir/incoming/<file>          large, before their row is committed
//	dir/buckets/<bucket>/<file>  everything else
type files struct {
	dir       string
	log       *slog.Logger
	incoming  folderSync
	unsettled atomic.Int64 // bytes in s3_content

	mu    sync.Mutex
	fresh map[string]*staged // by file: what is not in its place yet
}

// staged is a content that was received and waits for its row.
type staged struct {
	bucket, file string
	size         int64
	content      []byte // of a small one; nil when it is in incoming
}

func newFiles(dir string, log *slog.Logger) (*files, error) {
	f := &files{dir: dir, log: log, fresh: map[string]*staged{}}
	f.incoming.path = filepath.Join(dir, "incoming")
	for _, folder := range []string{f.incoming.path, filepath.Join(dir, "buckets")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *files) folder(bucket string) string {
	return filepath.Join(f.dir, "buckets", bucket)
}

func (f *files) place(bucket, file string) string {
	return filepath.Join(f.folder(bucket), file)
}

func (f *files) arrival(file string) string {
	return filepath.Join(f.incoming.path, file)
}

// fileName returns a new file's name: the key, escaped and cut so that every
// file system takes it, and 128 random bits that make it the only one. A dot
// is escaped for Windows, where what begins with nul. is a device.
func fileName(key string) string {
	const most = 120
	var name strings.Builder
	for _, c := range []byte(key) {
		if name.Len() >= most {
			break
		}
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_=", c) >= 0 {
			name.WriteByte(c)
		} else {
			fmt.Fprintf(&name, "%%%02X", c)
		}
	}
	return name.String() + "~" + rand.Text()
}

// stage receives size bytes. The caller commits a row for them and calls
// settleIn, or calls abandon.
func (f *files) stage(bucket, key string, from io.Reader, size int64) (*staged, error) {
	st := &staged{bucket: bucket, file: fileName(key), size: size}
	var err error
	if size <= inlineLimit && f.unsettled.Load()+size <= unsettledLimit {
		st.content = make([]byte, size)
		_, err = io.ReadFull(from, st.content)
	} else {
		err = f.receive(st, from)
	}
	if err != nil {
		return nil, short(err)
	}
	f.remember(st)
	return st, nil
}

// receive writes a large content to incoming and makes it durable there.
func (f *files) receive(st *staged, from io.Reader) (err error) {
	file, err := os.OpenFile(f.arrival(st.file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			os.Remove(file.Name())
		}
	}()
	// Hidden behind a plain Writer, the file gets large writes, not 32 KiB ones.
	to := struct{ io.Writer }{file}
	n, err := io.CopyBuffer(to, io.LimitReader(from, st.size), make([]byte, 256<<10))
	if err != nil {
		return err
	}
	if n != st.size {
		return io.ErrUnexpectedEOF
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return f.incoming.sync()
}

// insert adds what a row's transaction has to hold for its content.
func (st *staged) insert(tx *store.Tx) error {
	if st.content == nil {
		return nil
	}
	_, err := tx.Exec("INSERT INTO s3_content (bucket, file, content) VALUES (?, ?, ?)", st.bucket, st.file, st.content)
	return err
}

// abandon forgets a content whose row was not committed.
func (f *files) abandon(st *staged) {
	f.forget(st.file)
	if st.content == nil {
		os.Remove(f.arrival(st.file))
	}
}

// settleIn takes a content whose row is committed to where it is kept from now
// on: a large one to its folder, a small one to the settler. When the file
// cannot be moved it stays in incoming, durable and readable, until the next
// start.
func (f *files) settleIn(st *staged) {
	if st.content != nil {
		f.unsettled.Add(st.size)
		return
	}
	if err := f.move(st.bucket, st.file); err != nil {
		f.log.Error("object is not in its place", "bucket", st.bucket, "file", st.file, "error", err)
		return
	}
	f.forget(st.file)
}

// move moves a file from incoming to its bucket's folder.
func (f *files) move(bucket, file string) error {
	err := os.Rename(f.arrival(file), f.place(bucket, file))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(f.folder(bucket), 0o700); err != nil {
		return err
	}
	return os.Rename(f.arrival(file), f.place(bucket, file))
}

// remember lets readers find a content that is not in its place.
func (f *files) remember(st *staged) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh[st.file] = st
}

func (f *files) forget(file string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.fresh, file)
}

// waiting returns the content of a file that is not in its place.
func (f *files) waiting(file string) *staged {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fresh[file]
}

// open opens a file for reading.
func (f *files) open(bucket, file string) (io.ReadSeekCloser, error) {
	st := f.waiting(file)
	if st == nil {
		return os.Open(f.place(bucket, file))
	}
	if st.content != nil {
		return memory{bytes.NewReader(st.content)}, nil
	}
	opened, err := os.Open(f.arrival(file))
	if errors.Is(err, fs.ErrNotExist) { // moved since
		return os.Open(f.place(bucket, file))
	}
	return opened, err
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// A folderSync makes a folder's entries durable, once for all who ask while an
// earlier sync is under way.
type folderSync struct {
	path    string
	running sync.Mutex

	mu   sync.Mutex
	next *syncRound
}

type syncRound struct {
	done chan struct{}
	err  error
}

func (s *folderSync) sync() error {
	s.mu.Lock()
	round := s.next
	first := round == nil
	if first {
		round = &syncRound{done: make(chan struct{})}
		s.next = round
	}
	s.mu.Unlock()
	if !first {
		<-round.done
		return round.err
	}

	s.running.Lock()
	defer s.running.Unlock()
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	round.err = store.SyncFolder(s.path)
	close(round.done)
	return round.err
}
