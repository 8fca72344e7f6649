# For scenarios in shell: which page table each device gets, and whether that enforces snoop.
# `watch` sets probes on the Intel driver, `forget` begins anew, `seen` says what happened since:
#   attach TABLE DEVICE   attached ERROR   enforce TABLE   enforced 1|0   register   unregister
# a line each, with a table's address in the kernel, what KVM is told, and what was marked.
tracing=/sys/kernel/tracing
functions() { sed -n "s/^[0-9a-f]* t \(intel_iommu_$1\)\$/\1/p" /proc/kallsyms; }
# What the entry and the end of a function are called, the function, what of it is of interest.
probe() {
  echo "p:watch/$1 $3 $4" >> $tracing/kprobe_events
  echo "r:watch/$2 $3 $5" >> $tracing/kprobe_events
}
watch() {
  for function in $(functions attach_device); do
    # A device begins with the pointer to its name.
    probe attach attached "$function" 'table=%di device=+0(+0(%si)):string' 'error=$retval:s32'
  done
  for function in $(functions 'enforce_cache_coherency[_a-z]*'); do
    probe enforce enforced "$function" 'table=%di' 'yes=$retval:u8'
  done
  echo nocontext-info > $tracing/trace_options
  echo 1 > $tracing/events/watch/enable
}
forget() { echo > $tracing/trace; }
seen() {
  sed '/^#/d; s/^ *//; s/^tracing_mark_write: //; s/^lab_//
    s/: ([^)]*)//; s/ [a-z]*=/ /g; s/"//g' $tracing/trace
}
unwatch() {
  echo 0 > $tracing/events/watch/enable
  grep -o 'watch/[a-z]*' $tracing/kprobe_events | sort -u | sed 's/^/-:/' \
    >> $tracing/kprobe_events
  echo context-info > $tracing/trace_options
}
