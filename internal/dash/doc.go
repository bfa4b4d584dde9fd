// Package dash is the dashboard: pages that show runs, jobs and stacks while
// they change, and the report of a run as one file.
//
//	browser ◄── pages (templ) ── Server ──► package run, the SDK's clients ──► the engine, or AWS
//	        ◄── server-sent events ──┘
//
// It owns nothing: what it shows it asks for as every command does, so that it
// is the same for the embedded engine and for AWS.
//
// It promises that nobody sees a page without the key of its address, that no
// request of another site is answered, and that nothing changes without the
// token that a page holds. Texts of jobs are never HTML: templ escapes them, the
// script writes them as text, and the content security policy lets no script but
// the dashboard's own run.
//
// The pages are in *.templ files; `go generate ./internal/dash` in the root
// of the repository writes the Go files beside them.
package dash

//go:generate go run -C ../../tools github.com/a-h/templ/cmd/templ generate -path ../internal/dash
//go:generate gzip -9nkf static/dash.js static/dash.css static/uplot.css
