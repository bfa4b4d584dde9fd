// Package s3 is the embedded engine's Amazon S3: a REST server over an index
// in the store and plain files in a folder.
//
// It owns buckets, objects and multipart uploads. It promises that a write
// that was answered survives kill -9 and power loss, that a reader sees whole
// objects only, and that conditional writes are decided one after another, so
// that of any number of racing If-None-Match: * exactly one wins. It leaves
// authentication to wire: requests reach it verified. Operations it does not
// have answer NotImplemented, as S3 does. A disk without room for an object is
// told by 507 InsufficientStorage, for which S3 has no use.
//
// # Where an object's bytes are
//
// Every version of an object gets a file of its own with a name that is never
// used again; the row of the object in the index says which file is current.
// So replacing an object never touches bytes that somebody reads, and no two
// keys can ever share a file, whatever the file system makes of case and
// length. The key is part of the name only for people who look into the folder.
//
//	small   row + content ──commit──► (memory) ──settle──► bucket's folder, synced
//	large   incoming, synced ──► row ──commit──► bucket's folder
//	gone    row becomes a garbage row ──commit──► settle removes file and row
//
// A small object's content goes through the store's log, so that one sync,
// shared with everybody who writes at that moment, makes it durable, and no
// file is made while jobs wait: a file made between two syncs of the log makes
// the second several times as slow. [Service.Run] makes the files when there is
// a pause. [New] takes up what another process left under way: it reads small
// contents that are no files yet, and moves or removes what is left in incoming.
package s3
