#!/bin/bash
# Measures what docs/reliability.md says, for about an hour, and fuzzes every target
# after it: bench/nightly.sh [TIME EACH TARGET]
set -eu
cd "$(dirname "$0")/.."
measure() {
  printf '\n== %s\n' "$*"
  "$@"
}
export SPATE_TEST_SQS_KILLS=500
measure go test -count 1 -v -timeout 1h ./internal/cli -run 'TestChaos$' -chaos.jobs 10000 -chaos.kills 200
measure go test -count 1 -v -timeout 1h ./internal/cli -run 'TestChaosOfWorkers$' -chaos.jobs 10000 -chaos.workers 500
measure go test -count 1 -v -timeout 1h ./internal/engine/sqs -run 'TestKillAgain|TestEveryCommitOfAHistory'
measure go test -count 1 -timeout 1h ./internal/engine/sqs -run KeepsToItsModel -seeds 10000
measure go test -count 1 -v ./internal/store -run 'TestTornLog|TestNothingIsLostWhenTheDiskFails'
measure go test -count 1 -v ./internal/cli -run 'TestAFullDisk|TestAnOutputLargerThanTheDisk|TestFaultsOnTheWay'
measure go test -count 1 -timeout 2h ./internal/engine/simulation -seeds 10000
measure go run ./bench/sqs -soak
measure go run ./bench/sqs -large
measure bench/fuzz.sh "${1:-2m}"
