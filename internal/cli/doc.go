// Package cli is the command line: a file a command. Each parses its flags,
// calls one package and prints. Data goes to standard output, everything else
// to standard error; the exit code is 0 when it is done, 1 when it failed, 2
// when it was misused.
package cli
