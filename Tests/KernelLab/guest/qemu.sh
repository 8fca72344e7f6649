# For scenarios in shell: a QEMU that does not start its guest. `start COMMAND` runs a command that
# ends in `$qemu ARGUMENTS` and waits until QEMU has answered what devices it has; `quit` lets it
# end, and `finish` waits for that: $status. What was said is in /tmp/said.
qemu='qemu-system-x86_64 -S -M q35 -accel kvm -m 64 -display none -nodefaults -qmp stdio'
# It may be gone before it is asked.
trap '' PIPE
start() {
  rm -f /tmp/asked
  mkfifo /tmp/asked
  # The last one's answer must not be taken for this one's before the runner empties the file.
  : > /tmp/said
  "$@" < /tmp/asked > /tmp/said 2>&1 &
  runner=$!
  exec 9> /tmp/asked
  echo '{"execute":"qmp_capabilities"} {"execute":"query-pci"}' >&9
  tries=0
  until grep -q '"return": \[' /tmp/said || ! kill -0 $runner 2> /dev/null || test $tries = 600; do
    tries=$((tries + 1))
    sleep 0.1
  done
  # What does not answer would not end either.
  test $tries -lt 600 || kill -KILL "$(pidof qemu-system-x86_64)"
}
quit() { echo '{"execute":"quit"}' >&9; }
finish() {
  exec 9>&-
  wait $runner
  status=$?
}
