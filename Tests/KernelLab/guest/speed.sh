#!/bin/sh
# For each target: how long two commands take in turn, and the calls that each makes.
cd /scenario/speed || exit 1
export NO_COLOR=1
while read -r target; do
  echo "== race $target"
  race 3 $target.race 2>&1
  for position in first second; do
    command=$(sed -n "$(test $position = first && echo 1 || echo 2)p" $target.race)
    rm -f /tmp/log
    follow -o /tmp/log $command > /tmp/output 2>&1 || cat /tmp/output
    echo "== $position"
    cat /tmp/log
  done
done < targets
