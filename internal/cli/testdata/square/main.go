// Square is a job: it squares its number.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err == nil {
		fmt.Println("the square of", n)
		metrics := fmt.Sprintf(`{"square": %d}`, n*n)
		err = os.WriteFile(filepath.Join(os.Getenv("SPATE_OUT"), "metrics.json"), []byte(metrics), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
