#!/bin/sh
# Writes the host description of this machine from sysfs. /scenario/facts says what sysfs does not:
# lines `enforce BDF|* true|false`, `nosnoop BDF true|false|unknown`, `isolated true|false`,
# `unsafe true|false`.
fact() { awk -v k="$1" -v a="$2" '$1 == k && ($2 == a || $2 == "*") { v = $3 } END { if (v == "") v = "unknown"; print v }' /scenario/facts; }
has() { test -e "$1" && echo true || echo false; }
word() { basename "$(readlink -f "$1")"; }

cat <<END
apiVersion: vfioplan/v1
kind: Host
name: lab
kernel: { release: "$(uname -r)", iommufd: $(has /dev/iommu), vfioCdev: $(has /dev/iommu), type1: $(has /dev/vfio/vfio), kvm: $(has /dev/kvm), allowUnsafeInterrupts: $(awk '$1 == "unsafe" { print $2 }' /scenario/facts) }
iommus:
END
units=""
for path in /sys/bus/pci/devices/*; do
  # A link leads to the unit that a device is behind; of the unit itself it is a directory.
  test -L "$path/iommu" || continue
  address=$(basename "$path")
  unit="$(word "$path/iommu")-$(fact enforce "$address")"
  case " $units " in *" $unit "*) continue ;; esac
  units="$units $unit"
  printf '  - { name: %s, type: %s, enforceSnoop: %s, isolatedMSI: %s, addressBits: %s, pageSizes: [%s] }\n' "$unit" \
    "$(awk '$1 == "type" { print $2 }' /scenario/facts)" "$(fact enforce "$address")" \
    "$(awk '$1 == "isolated" { print $2 }' /scenario/facts)" \
    "$(awk '$1 == "bits" { print $2 }' /scenario/facts)" "$(awk '$1 == "pages" { print $2 }' /scenario/facts)"
done
echo "devices:"
for path in /sys/bus/pci/devices/*; do
  address=$(basename "$path")
  printf '  - address: "%s"\n    vendor: %s\n    device: %s\n    class: %s\n' "$address" \
    "$(cat "$path/vendor")" "$(cat "$path/device")" "$(cat "$path/class")"
  test -e "$path/driver" && echo "    driver: $(word "$path/driver")"
  echo "    noSnoopCapable: $(fact nosnoop "$address")"
  test -e "$path/iommu_group" || continue
  test -L "$path/iommu" && echo "    iommu: $(word "$path/iommu")-$(fact enforce "$address")"
  echo "    group: $(word "$path/iommu_group")"
  echo "    reserved:"
  awk '{ printf "      - { start: %s, end: %s, type: %s }\n", $1, $2, $3 }' "$path/iommu_group/reserved_regions"
done
