package store

// sizeLimit is how many bytes this process's files may have: there is no such
// limit here.
func sizeLimit() (bytes uint64, limited bool) { return 0, false }
