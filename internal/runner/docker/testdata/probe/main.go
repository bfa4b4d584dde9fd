// Probe stands in for the worker, and for what images hold: it says how it was
// started, and tries what it is told to.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	for _, argument := range append(os.Args[1:], os.Getenv("PROBE")) {
		verb, rest, _ := strings.Cut(argument, "=")
		switch verb {
		case "exit":
			code, _ := strconv.Atoi(rest)
			os.Exit(code)
		case "write":
			err := os.WriteFile(rest, []byte("written\n"), 0o600)
			fmt.Println("write", rest, err == nil)
		case "read":
			text, err := os.ReadFile(rest)
			fmt.Println("read", rest, err == nil, strings.TrimSpace(string(text)))
		case "env":
			fmt.Println(rest + "=" + os.Getenv(rest))
		case "user":
			fmt.Println("user", os.Getuid(), os.Getgid())
		case "eat": // memory, until there is no more
			var eaten [][]byte
			for {
				block := make([]byte, 1<<20)
				for i := range block {
					block[i] = 1
				}
				eaten = append(eaten, block)
			}
		case "args":
			fmt.Println(strings.Join(os.Args, "|"))
		case "--hold":
			time.Sleep(time.Hour)
		case "listen": // on localhost, and answer
			l, err := net.Listen("tcp", rest)
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println("listening")
			for {
				c, err := l.Accept()
				if err != nil {
					os.Exit(1)
				}
				fmt.Fprint(c, "hello")
				c.Close()
			}
		case "dial":
			c, err := net.Dial("tcp", rest)
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			text, _ := io.ReadAll(c)
			fmt.Println(string(text))
		case "wait":
			time.Sleep(time.Hour) // nothing else would keep it from being called a deadlock
		}
	}
}
