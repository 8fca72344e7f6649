#!/usr/bin/env bash
# The main job on the simulator, for two examples: decide, then carry out. Usage: demo.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1

show() {
  printf '\n$ vfioplan %s\n' "$*"
  "$binary" "$@"
}

echo "== one VM: graphics that must no-snoop, a network card that must not"
show compile examples/igd-and-nic.yaml --host examples/hosts/z790.yaml
show apply examples/igd-and-nic.yaml --host examples/hosts/z790.yaml --simulate

echo
echo "== the flow of the 2021 mail, on the interface it proposed"
show compile examples/mail-flow.yaml --host examples/hosts/snoop-control.yaml --target ioasid
show apply examples/mail-flow.yaml --host examples/hosts/snoop-control.yaml --target ioasid --simulate
