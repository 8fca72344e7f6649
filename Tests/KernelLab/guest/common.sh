# For scenarios in shell: `save` remembers the machine's state, `same` says what differs from it;
# `wait_for COMMAND` runs it until it succeeds, for a minute; what it says meanwhile belongs to
# no case.
save() { state save /tmp/state-before; }
same() { state same /tmp/state-before; }
wait_for() {
  tries=0
  until "$@" > /dev/null 2>&1 || test $tries = 600; do tries=$((tries + 1)); sleep 0.1; done
}
