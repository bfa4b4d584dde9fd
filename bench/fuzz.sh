#!/bin/bash
# Fuzzes every target of the checkout, one after another: bench/fuzz.sh [TIME EACH]
set -eu
cd "$(dirname "$0")/.."
each=${1:-2m}
go list -f '{{.Dir}}' ./... | while read -r dir; do
  { grep -hoE '^func Fuzz[A-Za-z]+' "$dir"/*_test.go 2>/dev/null || true; } | while read -r _ target; do
    echo "== ${dir#"$PWD"/} $target"
    go test -run xxx -fuzz "^$target\$" -fuzztime "$each" "$dir" </dev/null
  done
done
