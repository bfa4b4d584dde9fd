package s3

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// Keys are blobs, so that they sort by their bytes, as S3's do. Times are Unix
// milliseconds.
const schema = `
CREATE TABLE IF NOT EXISTS s3_bucket (
	name TEXT PRIMARY KEY, region TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_object (
	bucket TEXT NOT NULL, key BLOB NOT NULL,
	size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
	file TEXT NOT NULL, attributes BLOB NOT NULL,
	PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_upload (
	bucket TEXT NOT NULL, key BLOB NOT NULL, id TEXT NOT NULL UNIQUE,
	created INTEGER NOT NULL, attributes BLOB NOT NULL,
	PRIMARY KEY (bucket, key, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_part (
	upload TEXT NOT NULL, number INTEGER NOT NULL,
	size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
	file TEXT NOT NULL, checksum TEXT NOT NULL,
	PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_content (
	id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, file TEXT NOT NULL, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS s3_garbage (
	id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, file TEXT NOT NULL
);`

// An object is a row of the index.
type object struct {
	bucket, key string
	size        int64
	etag        string // without its quotes
	modified    time.Time
	file        string
	attributes
}

// attributes are what an object has beside its bytes. An upload holds them
// until it is completed.
type attributes struct {
	Headers  map[string]string `json:",omitempty"` // as they are returned
	Checksum checksum
	// Upload is the multipart upload that made the object, so that completing
	// it again, after a lost reply, answers the same.
	Upload string `json:",omitempty"`
}

// find reads an object's row. Without one it returns the fault that says
// whether the key or the bucket is missing.
func (s *Service) find(ctx context.Context, bucket, key string) (*object, error) {
	o := &object{bucket: bucket, key: key}
	var modified int64
	var attrs []byte
	err := s.store.QueryRow(ctx,
		"SELECT size, etag, modified, file, attributes FROM s3_object WHERE bucket = ? AND key = ?", bucket, []byte(key),
	).Scan(&o.size, &o.etag, &modified, &o.file, &attrs)
	if errors.Is(err, sql.ErrNoRows) {
		if err := s.needBucket(ctx, bucket); err != nil {
			return nil, err
		}
		return nil, faultOf("NoSuchKey")
	}
	if err != nil {
		return nil, fmt.Errorf("reading object %q: %w", key, err)
	}
	o.modified = time.UnixMilli(modified).UTC()
	return o, json.Unmarshal(attrs, &o.attributes)
}

// needBucket returns NoSuchBucket when the bucket is not there.
func (s *Service) needBucket(ctx context.Context, bucket string) error {
	return bucketThere(s.store.QueryRow(ctx, "SELECT 1 FROM s3_bucket WHERE name = ?", bucket))
}

func needBucketIn(tx *store.Tx, bucket string) error {
	row, err := tx.QueryRow("SELECT 1 FROM s3_bucket WHERE name = ?", bucket)
	if err != nil {
		return err
	}
	return bucketThere(row)
}

func bucketThere(row *sql.Row) error {
	var one int
	err := row.Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return faultOf("NoSuchBucket")
	}
	return err
}

// current reads the file and the ETag of a key's object; both are empty when
// there is none.
func current(tx *store.Tx, bucket, key string) (file, etag string, err error) {
	row, err := tx.QueryRow("SELECT file, etag FROM s3_object WHERE bucket = ? AND key = ?", bucket, []byte(key))
	if err != nil {
		return "", "", err
	}
	if err = row.Scan(&file, &etag); errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return file, etag, err
}

// replace makes o the object of its key, when the condition allows it.
func replace(tx *store.Tx, o *object, st *staged, cond condition) error {
	if err := needBucketIn(tx, o.bucket); err != nil {
		return err
	}
	file, etag, err := current(tx, o.bucket, o.key)
	if err != nil {
		return err
	}
	if err := cond.decide(etag); err != nil {
		return err
	}
	if err := discard(tx, o.bucket, file); err != nil {
		return err
	}
	attrs, err := json.Marshal(o.attributes)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT OR REPLACE INTO s3_object (bucket, key, size, etag, modified, file, attributes)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		o.bucket, []byte(o.key), o.size, o.etag, o.modified.UnixMilli(), o.file, attrs); err != nil {
		return err
	}
	return st.insert(tx)
}

// discard leaves a file to the settler. An empty name is none.
func discard(tx *store.Tx, bucket, file string) error {
	if file == "" {
		return nil
	}
	_, err := tx.Exec("INSERT INTO s3_garbage (bucket, file) VALUES (?, ?)", bucket, file)
	return err
}

// remove deletes a key's object, if there is one that matches.
func remove(tx *store.Tx, bucket, key, match string) error {
	file, etag, err := current(tx, bucket, key)
	if err != nil {
		return err
	}
	if match != "" && !matches(match, etag) {
		return faultOf("PreconditionFailed")
	}
	if file == "" {
		return nil
	}
	if _, err := tx.Exec("DELETE FROM s3_object WHERE bucket = ? AND key = ?", bucket, []byte(key)); err != nil {
		return err
	}
	return discard(tx, bucket, file)
}

// keep commits a received content as the object o
// What also does, if it is not nil, is part of the same transaction.
func (s *Service) keep(ctx context.Context, o *object, st *staged, cond condition, also func(*store.Tx) error) error {
	o.file, o.size, o.modified = st.file, st.size, time.Now().UTC()
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := replace(tx, o, st, cond); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		s.files.abandon(st)
		return err
	}
	s.files.settleIn(st)
	s.wakeSettler()
	return nil
}
