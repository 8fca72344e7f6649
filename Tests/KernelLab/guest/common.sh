# For scenarios in shell: `save` remembers the machine's state, `same` says what differs from it.
save() { state save /tmp/state-before; }
same() { state same /tmp/state-before; }
