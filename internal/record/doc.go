// Package record is the record of runs, as objects in the bucket of a stack. It
// is the truth about a run; there is no other database.
//
//	runs/<run>/run.json, params.jsonl    as sent: the job, who, when; one configuration a line
//	runs/<run>/in/…                      its inputs
//	runs/<run>/sent.json                 how far sending got
//	runs/<run>/retries/<gen>.json        put if absent: the jobs that a later generation sent again
//	runs/<run>/retries/<gen>.sent.json   how far that sending got
//	runs/<run>/attempts/<index>/<gen>.<n>/
//	    start.json                       put if absent: who puts it has claimed attempt n
//	    log.txt, out/…                   what it said if anything, what it left
//	    end.json                         how it ended, unless it is done and the result tells
//	runs/<run>/results/<gen>/<index>.json  put if absent: the outcome, once
//	runs/<run>/failed/<gen>/<index>      empty, before a failed result: states by listing alone
//	runs/<run>/{done,cancelled}/<gen>.json put if absent
//	runs/<run>/notices/<gen>.json        put if absent, and again when the job's address was told of the end
//	schedule/run.json                    what a scheduled run sends: the job, and which version of
//	schedule/<version>/params.jsonl, in/…  its configurations and its folder's files
//
// The package owns the names and the shapes of these objects. Who writes which
// of them, and when, is the business of packages agent and run.
package record
