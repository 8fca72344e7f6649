#!/bin/bash
args=(
  -machine q35      # the newer one
  -m 8G
)
args+=( -device vfio-pci,host=0000:01:00.0 )
sudo qemu-system-x86_64 "${args[@]}" "$@"
