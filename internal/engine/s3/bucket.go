package s3

import (
	"cmp"
	"context"
	"encoding/xml"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// defaultRegion is where a bucket is when its creator names no place.
const defaultRegion = "us-east-1"

const timeLayout = "2006-01-02T15:04:05.000Z"

func (s *Service) createBucket(w http.ResponseWriter, r *request) error {
	if !validBucket(r.bucket) {
		return faultOf("InvalidBucketName")
	}
	region, err := wantedRegion(r)
	if err != nil {
		return err
	}
	if err := s.makeBucket(r.Context(), r.bucket, region); err != nil {
		return err
	}
	w.Header().Set("Location", "/"+r.bucket)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) makeBucket(ctx context.Context, name, region string) error {
	folder := s.files.folder(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := store.SyncFolder(filepath.Dir(folder)); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if err := needBucketIn(tx, name); !isFault(err, "NoSuchBucket") {
			return cmp.Or(err, error(faultOf("BucketAlreadyOwnedByYou")))
		}
		_, err := tx.Exec("INSERT INTO s3_bucket (name, region, created) VALUES (?, ?, ?)",
			name, region, time.Now().UnixMilli())
		return err
	})
}

// makeReady makes the bucket that nobody has to make, where it is not there.
func (s *Service) makeReady(ctx context.Context) error {
	err := s.needBucket(ctx, s.ready)
	if isFault(err, "NoSuchBucket") {
		err = s.makeBucket(ctx, s.ready, defaultRegion)
	}
	if isFault(err, "BucketAlreadyOwnedByYou") { // by another request, just now
		return nil
	}
	return err
}

// wantedRegion reads the region out of CreateBucket's optional document.
func wantedRegion(r *request) (string, error) {
	var config struct {
		XMLName            xml.Name `xml:"CreateBucketConfiguration"`
		LocationConstraint string
	}
	if r.ContentLength != 0 {
		if err := document(r.Request, &config); err != nil {
			return "", err
		}
	}
	return cmp.Or(config.LocationConstraint, defaultRegion), nil
}

// validBucket applies the rules for general purpose buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validBucket(name string) bool {
	shape := regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	return shape.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil
}

func (s *Service) headBucket(w http.ResponseWriter, r *request) error {
	region, err := s.region(r)
	if err != nil {
		return err
	}
	w.Header().Set("x-amz-bucket-region", region)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) getBucketLocation(w http.ResponseWriter, r *request) error {
	region, err := s.region(r)
	if err != nil {
		return err
	}
	if region == defaultRegion {
		region = "" // for historical reasons, the documentation says
	}
	return reply(w, http.StatusOK, &struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: region})
}

func (s *Service) region(r *request) (region string, err error) {
	if err := s.needBucket(r.Context(), r.bucket); err != nil {
		return "", err
	}
	err = s.store.QueryRow(r.Context(), "SELECT region FROM s3_bucket WHERE name = ?", r.bucket).Scan(&region)
	return region, err
}

// deleteBucket deletes a bucket without objects. Uploads that were not
// completed go with it.
func (s *Service) deleteBucket(w http.ResponseWriter, r *request) error {
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		return removeBucket(tx, r.bucket)
	}); err != nil {
		return err
	}
	s.wakeSettler()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func removeBucket(tx *store.Tx, bucket string) error {
	if err := needBucketIn(tx, bucket); err != nil {
		return err
	}
	row, err := tx.QueryRow("SELECT count(*) FROM (SELECT 1 FROM s3_object WHERE bucket = ? LIMIT 1)", bucket)
	if err != nil {
		return err
	}
	var objects int
	if err := row.Scan(&objects); err != nil {
		return err
	}
	if objects > 0 {
		return faultOf("BucketNotEmpty")
	}
	for _, statement := range []string{
		`INSERT INTO s3_garbage (bucket, file) SELECT bucket, file FROM s3_part
			JOIN s3_upload ON s3_upload.id = s3_part.upload WHERE bucket = ?`,
		"DELETE FROM s3_part WHERE upload IN (SELECT id FROM s3_upload WHERE bucket = ?)",
		"DELETE FROM s3_upload WHERE bucket = ?",
		"DELETE FROM s3_bucket WHERE name = ?",
	} {
		if _, err := tx.Exec(statement, bucket); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) listBuckets(w http.ResponseWriter, r *request) error {
	rows, err := s.store.Query(r.Context(), "SELECT name, region, created FROM s3_bucket ORDER BY name")
	if err != nil {
		return err
	}
	defer rows.Close()
	type bucket struct{ Name, CreationDate, BucketRegion string }
	list := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   owner
		Buckets []bucket `xml:"Buckets>Bucket"`
		Prefix  string   `xml:",omitempty"`
	}{Owner: everybody(), Prefix: r.query.Get("prefix")}
	for rows.Next() {
		var b bucket
		var created int64
		if err := rows.Scan(&b.Name, &b.BucketRegion, &created); err != nil {
			return err
		}
		if !strings.HasPrefix(b.Name, list.Prefix) {
			continue
		}
		b.CreationDate = time.UnixMilli(created).UTC().Format(timeLayout)
		list.Buckets = append(list.Buckets, b)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return reply(w, http.StatusOK, &list)
}

// An owner is whom listings name as the owner of things. The engine has one.
type owner struct{ ID string }

func everybody() owner {
	return owner{ID: strings.Repeat("0", 64)}
}
