#!/bin/sh
# Starts the gaming VM.
exec /usr/bin/qemu-system-x86_64 \
  -name guest=gaming,debug-threads=on \
  -machine type=q35,accel=kvm -cpu host,kvm=off \
  -m size=16384,slots=2,maxmem=32G \
  -device vfio-pci,host=01:00.0,id=gpu,bus=pcie.0,addr=0x5,x-vga=on \
  -device vfio-pci,host=01:00.1,id=audio \
  -drive file=win.qcow2,if=virtio -netdev user,id=n0 -device virtio-net-pci,netdev=n0
