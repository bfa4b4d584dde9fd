package measure

import "os"

// MostMemory is not told here.
func MostMemory(*os.ProcessState) int64 { return 0 }
