#!/bin/sh
# What CI runs: counts the words of data/ into build/report, which is never half written.
set -eu
mkdir -p build
sort data/words.txt | uniq -c > build/report.tmp
mv build/report.tmp build/report
