package s3

import (
	"encoding/xml"
	"net/http"
	"time"
)

func (s *Service) listParts(w http.ResponseWriter, r *request) error {
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	limit, after := maxKeys, maxParts
	if err := atMost(r.query, "max-parts", &limit); err != nil {
		return err
	}
	if !r.query.Has("part-number-marker") {
		after = 0
	} else if err := atMost(r.query, "part-number-marker", &after); err != nil {
		return err
	}
	parts, err := s.parts(r.Context(), u, after, limit+1)
	if err != nil {
		return err
	}
	type listed struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
		Checksum           *checksumXML
	}
	result := struct {
		XMLName                         xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key, UploadId           string
		Initiator, Owner                owner
		StorageClass                    string
		PartNumberMarker                int
		NextPartNumberMarker            int `xml:",omitempty"`
		MaxParts                        int
		IsTruncated                     bool
		Parts                           []listed `xml:"Part"`
		ChecksumAlgorithm, ChecksumType string   `xml:",omitempty"`
	}{
		Bucket: u.bucket, Key: u.key, UploadId: u.id, Initiator: everybody(), Owner: everybody(),
		StorageClass: "STANDARD", PartNumberMarker: after, MaxParts: limit, IsTruncated: len(parts) > limit,
		ChecksumAlgorithm: u.Checksum.Algorithm, ChecksumType: u.Checksum.Type,
	}
	for _, p := range parts[:min(len(parts), limit)] {
		sum := checksum{Algorithm: u.Checksum.Algorithm, Value: p.checksum}
		result.NextPartNumberMarker = p.number
		result.Parts = append(result.Parts, listed{
			PartNumber: p.number, LastModified: p.modified.Format(timeLayout),
			ETag: quote(p.etag), Size: p.size, Checksum: sum.element(),
		})
	}
	return reply(w, http.StatusOK, &result)
}

// listUploads lists uploads that are under way by key and then by id.
func (s *Service) listUploads(w http.ResponseWriter, r *request) error {
	if err := s.needBucket(r.Context(), r.bucket); err != nil {
		return err
	}
	limit := maxKeys
	if err := atMost(r.query, "max-uploads", &limit); err != nil {
		return err
	}
	if r.query.Get("delimiter") != "" {
		return faultOf("NotImplemented")
	}
	prefix, key, id := r.query.Get("prefix"), r.query.Get("key-marker"), r.query.Get("upload-id-marker")
	if id == "" {
		key = successor(key)
	}
	rows, err := s.store.Query(r.Context(), `SELECT key, id, created FROM s3_upload
		WHERE bucket = ? AND key >= ? AND key < ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?`,
		r.bucket, []byte(prefix), []byte(behind(prefix)), []byte(key), id, limit+1)
	if err != nil {
		return err
	}
	defer rows.Close()
	type listed struct {
		Key, UploadId    string
		Initiator, Owner owner
		StorageClass     string
		Initiated        string
	}
	text := textEncoding(r.query)
	result := struct {
		XMLName                           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket, KeyMarker, UploadIdMarker string
		Prefix, EncodingType              string `xml:",omitempty"`
		NextKeyMarker, NextUploadIdMarker string `xml:",omitempty"`
		MaxUploads                        int
		IsTruncated                       bool
		Uploads                           []listed `xml:"Upload"`
	}{
		Bucket: r.bucket, KeyMarker: text(r.query.Get("key-marker")), UploadIdMarker: id, Prefix: text(prefix),
		EncodingType: r.query.Get("encoding-type"), MaxUploads: limit,
	}
	for rows.Next() {
		if len(result.Uploads) == limit {
			result.IsTruncated = true
			break
		}
		l := listed{Initiator: everybody(), Owner: everybody(), StorageClass: "STANDARD"}
		var created int64
		if err := rows.Scan(&l.Key, &l.UploadId, &created); err != nil {
			return err
		}
		l.Key, l.Initiated = text(l.Key), time.UnixMilli(created).UTC().Format(timeLayout)
		result.NextKeyMarker, result.NextUploadIdMarker = l.Key, l.UploadId
		result.Uploads = append(result.Uploads, l)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return reply(w, http.StatusOK, &result)
}
