/// The lines that are known.
///
/// Read in Linux 5.4 to 7.3 (drivers/iommu, drivers/vfio, drivers/pci, arch/x86/kvm), in QEMU's
/// hw/vfio and backends/iommufd.c, and in libvirt's src/hypervisor and src/util.
extension PrintedLine {
  /// Every line, by who prints it.
  static let all: [PrintedLine] = qemu + libvirt + vfio + iommu + machine

  private static let qemu = [
    PrintedLine(
      "QEMU",
      "group * is not viable|ensure all devices within the iommu_group are bound to their vfio bus",
      "Another member of the device's IOMMU group has a driver of the host: VFIO gives none away.",
      "Give every member to vfio-pci (companions: bind), or take it from its driver.",
      see: "VP4005 VP4011"),
    PrintedLine(
      "QEMU", "failed to set iommu for container",
      "type1 refuses the group: firmware's mappings (RMRR), interrupts or another domain.",
      "Look into the kernel's log: the line there at the same time says which.",
      see: "VP4006 VP4007", request: "VFIO_SET_IOMMU"),
    PrintedLine(
      "QEMU", "failed to setup container for group|failed to set group container",
      "The group can't be put into a container; what follows the colon says why.",
      "Look into the kernel's log, and whether all of the group is on vfio-pci.",
      see: "VP4005 VP4007", request: "VFIO_GROUP_SET_CONTAINER"),
    PrintedLine(
      "QEMU", "No available IOMMU models",
      "The kernel has no IOMMU driver for containers.",
      "modprobe vfio_iommu_type1; without a kernel that has it, give QEMU an iommufd object.",
      see: "VP4008"),
    PrintedLine(
      "QEMU", "Failed to open /dev/vfio/vfio|could not open '/dev/vfio/vfio'",
      "QEMU can't open VFIO's container: there is none, or not for QEMU's user.",
      "modprobe vfio-pci, then give QEMU's user the file; or use iommufd.", see: "VP4008 VP5012"),
    PrintedLine(
      "QEMU", "Failed to open /dev/vfio/*|could not open '/dev/vfio/*",
      "QEMU can't open the group's or the device's file.",
      "No such file: the device is not on vfio-pci. Busy: another process has it. Denied: give "
        + "QEMU's user the file.", see: "VP4036 VP5012"),
    PrintedLine(
      "QEMU", "could not open '/dev/iommu'|failed to open /dev/iommu|cannot open /dev/iommu",
      "QEMU can't open iommufd.", "modprobe iommufd, and give QEMU's user /dev/iommu.",
      see: "VP4008 VP5012"),
    PrintedLine(
      "QEMU", "no iommu_group found",
      "The device is not behind an IOMMU, or the IOMMU is off.",
      "Switch it on in the firmware and the kernel: intel_iommu=on on Intel.",
      see: "VP4002 VP4003"),
    PrintedLine(
      "QEMU", "error getting device from group",
      "The group does not give the device away: it is not on vfio-pci, or in use.",
      "Bind it to vfio-pci; end the process that has it; a virtual function may need a token.",
      see: "VP4036 VP4045", request: "VFIO_GROUP_GET_DEVICE_FD"),
    PrintedLine(
      "QEMU", "error bind device fd=*to iommufd",
      "iommufd does not take the device.",
      "Permission: its interrupts are not isolated, or a member of its group has a driver.",
      see: "VP4005 VP4006", request: "VFIO_DEVICE_BIND_IOMMUFD"),
    PrintedLine(
      "QEMU", "error attach * to id=",
      "The device can't be put on the page table or address space.",
      "Invalid argument: its IOMMU is of another kind, or what is mapped is reserved for it.",
      see: "VP2011 VP2012", request: "VFIO_DEVICE_ATTACH_IOMMUFD_PT"),
    PrintedLine(
      "QEMU", "VFIO_MAP_DMA failed|vfio_dma_map(*) = -|vfio_container_dma_map(*) = -",
      "Memory can't be mapped for the devices.",
      "The errno says why: raise RLIMIT_MEMLOCK, or keep the guest's memory and the device's BARs "
        + "out of addresses that are reserved or beyond the IOMMU's width.",
      see: "VP4034 VP2012 VP2013", request: "VFIO_IOMMU_MAP_DMA"),
    PrintedLine(
      "QEMU", "IOMMU_IOAS_MAP failed: Bad address*PCI BAR?|IOMMU_IOAS_MAP failed: Bad address",
      "QEMU tried to map a device's BAR, which this iommufd does not do.",
      "Nothing, unless devices are to transfer between each other.", request: "IOMMU_IOAS_MAP"),
    PrintedLine(
      "QEMU", "Cannot reset device *, no available reset mechanism",
      "The device can be reset neither alone nor with its bus: it keeps its state between VMs.",
      "Use it, but power the machine off if it misbehaves after a VM has ended.", see: "VP4035"),
    PrintedLine(
      "QEMU", "Cannot reset device *, depends on group * which is not owned",
      "Only a reset of the whole bus or slot would do, and it has devices that are not the VM's.",
      "Give the VM those devices, too, or do without the reset.", see: "VP4035"),
    PrintedLine(
      "QEMU", "Unable to power on device, stuck in D3",
      "The device does not wake up: every read of it fails.",
      "Load vfio-pci with disable_idle_d3=1; power the machine off to get it back."),
    PrintedLine(
      "QEMU", "group * used in multiple address spaces",
      "A group's devices are behind different virtual IOMMUs: a group has one address space.",
      "Put all of the group on one PCI bus of the guest, or leave the virtual IOMMU out.",
      see: "VP2010 VP3022"),
    PrintedLine(
      "QEMU", "Failed to add group * to KVM VFIO device|Failed to add fd * to KVM VFIO device",
      "KVM was not told of the device: for a non-coherent one it would ignore WBINVD.",
      "Load kvm with VFIO support (CONFIG_KVM_VFIO).", see: "VP4009 VP5004",
      request: "KVM_SET_DEVICE_ATTR"),
    PrintedLine(
      "QEMU", "Failed to mmap * BAR",
      "A BAR can't be mapped: each access goes through QEMU, which is slow.",
      "See what else has the BAR: /proc/iomem names it."),
    PrintedLine(
      "QEMU", "no such host device",
      "There is no such PCI device, or its address has another domain.",
      "Compare with 'vfioplan host'.", see: "VP4001"),
  ]

  private static let libvirt = [
    PrintedLine(
      "libvirt", "PCI device * is in use by driver *, domain|PCI device * is in use by domain",
      "libvirt has given the device to a VM that runs.", "Stop that VM, or take another device.",
      see: "VP4036"),
    PrintedLine(
      "libvirt", "PCI device * is not assignable",
      "libvirt finds no switch with ACS above the device, or the device is a bridge.",
      "Look with 'vfioplan host' at what shares its IOMMU group.", see: "VP4004 VP4005"),
    PrintedLine(
      "libvirt", "Unmanaged PCI device * must be manually detached from the host",
      "managed='no' says that you change the driver, and it was not changed.",
      "virsh nodedev-detach it before the start, or say managed='yes'."),
    PrintedLine(
      "libvirt", "host doesn't support passthrough of host PCI devices|host doesn't support VFIO",
      "libvirt sees neither VFIO nor an IOMMU.",
      "Switch the IOMMU on in firmware and kernel, and modprobe vfio-pci.", see: "VP4002 VP4008"),
    PrintedLine(
      "libvirt", "Active * devices on bus with *, not doing bus reset",
      "Only a reset of the bus would reset the device, and the host uses others on it.",
      "Give the VM those devices, too.", see: "VP4035"),
    PrintedLine(
      "libvirt", "Unable to reset PCI device",
      "libvirt found no way to reset the device.",
      "Read what is behind the colon; VFIO itself may know a way.",
      see: "VP4035"),
    PrintedLine(
      "libvirt", "cannot limit locked memory",
      "libvirt may not raise the VM's limit of locked memory, which VFIO needs.",
      "Run libvirtd with CAP_SYS_RESOURCE, or raise its own limit (LimitMEMLOCK).", see: "VP4034"),
    PrintedLine(
      "libvirt", "Unable to read from monitor",
      "QEMU ended before libvirt could talk to it; this line does not say why.",
      "Read the end of /var/log/libvirt/qemu/NAME.log, and explain that."),
  ]

  private static let vfio = [
    PrintedLine(
      "the kernel", "RLIMIT_MEMLOCK (*) exceeded",
      "type1 may pin no more of the process's memory.",
      "Raise RLIMIT_MEMLOCK above the guest's memory and its BARs.", see: "VP4034"),
    PrintedLine(
      "the kernel", "No interrupt remapping support|Use the module param *allow_unsafe_interrupts",
      "Devices could send any interrupt to the host, so type1 gives none away.",
      "Switch interrupt remapping on. Where there is none: allow_unsafe_interrupts=1 of "
        + "vfio_iommu_type1, if you trust the guest.", see: "VP4006"),
    PrintedLine(
      "the kernel", "MSI interrupts are not secure, they cannot be isolated by the platform",
      "iommufd was told to give devices away that can send any interrupt to the host.",
      "Switch interrupt remapping on, and allow_unsafe_interrupts of iommufd off.", see: "VP4006"),
    PrintedLine(
      "the kernel", "BAR *: can't reserve [mem",
      "Something else has the device's memory, mostly the firmware's framebuffer.",
      "The console is on the device: boot with another screen, or give up the framebuffer "
        + "(initcall_blacklist=sysfb_init).", see: "VP4032"),
    PrintedLine(
      "the kernel", "vfio_bar_restore: reset recovery|reset recovery - restoring BARs",
      "The device was reset behind VFIO's back and lost its addresses: it is not well.",
      "If it comes again and again, the device does not survive its reset: power off.",
      see: "VP4035"),
    PrintedLine(
      "the kernel", "vfio_ecap_init: * hiding ecap|vfio_cap_init: * hiding cap",
      "vfio-pci hides a capability that a guest must not use.",
      "Nothing: this is as it should be."),
    PrintedLine(
      "the kernel", "Relaying device request to user",
      "Somebody wants the device back, by an unbind or a removal, and waits for the VM.",
      "Detach the device in the VM, or end the VM.", see: "VP4039"),
    PrintedLine(
      "the kernel", "Incorrect VF token provided for device|VF token required to access device",
      "A virtual function opens only with the token of its physical function.",
      "Write the token as vfToken of the device.", see: "VP4045 VP4046"),
    PrintedLine(
      "the kernel",
      "vfio-pci: probe of * failed with error -22|"
        + "vfio-pci *: probe with driver vfio-pci failed with error -22",
      "vfio-pci takes no device without an IOMMU group, no bridge, and none of its denylist.",
      "Switch the IOMMU on; leave bridges to the host.", see: "VP4003 VP4004"),
    PrintedLine(
      "the kernel",
      "vfio-pci: probe of * failed with error -16|"
        + "vfio-pci *: probe with driver vfio-pci failed with error -16",
      "vfio-pci takes no physical function that has virtual functions.",
      "Remove them first: write 0 to sriov_numvfs.", see: "VP4043"),
  ]

  private static let iommu = [
    PrintedLine(
      "the kernel", "Device is ineligible for IOMMU domain attach due to platform RMRR requirement",
      "Firmware reserves memory for the device (an RMRR), so Intel's driver gives it to no VM.",
      "Look for an update or a setting of the firmware; HPE has a tool for its servers.",
      see: "VP4007"),
    PrintedLine(
      "the kernel", "Firmware has requested this device have a 1:1 IOMMU mapping",
      "Firmware insists on a mapping of its own for the device, which a VM's would remove.",
      "Look for a setting of the firmware, such as DMA protection before the boot.", see: "VP4007"),
    PrintedLine(
      "the kernel", "DMAR: *fault addr *fault reason|DMAR: DRHD: handling fault status",
      "A device behind Intel's IOMMU used an address that nothing is mapped at, or may not.",
      "Once, at the end of a VM, it is a late transfer. Again and again, its driver in the guest "
        + "uses addresses that are not the guest's."),
    PrintedLine(
      "the kernel", "AMD-Vi: Event logged [IO_PAGE_FAULT",
      "A device behind AMD's IOMMU used an address that nothing is mapped at, or may not.",
      "Once, at the end of a VM, it is a late transfer. Again and again, its driver in the guest "
        + "uses addresses that are not the guest's."),
    PrintedLine(
      "the kernel", "BIOS has allocated no shadow GTT; disabling IOMMU for graphics",
      "The firmware left no room for the graphics' tables: the GPU is not behind the IOMMU.",
      "Look for a setting of the firmware (VT-d, graphics memory).", see: "VP4002"),
    PrintedLine(
      "the kernel", "DMAR: IOMMU enabled|AMD-Vi: Interrupt remapping enabled",
      "The IOMMU is on.", "Nothing: this is as it should be."),
  ]

  private static let machine = [
    PrintedLine(
      "the kernel", "not ready * after *; giving up",
      "The device did not come back after a reset.",
      "It stays away until the machine is powered off; do not rely on this device's reset.",
      see: "VP4035"),
    PrintedLine(
      "the kernel", "not ready * after *; waiting",
      "The device takes long to come back after a reset.",
      "Wait; after a minute the kernel gives up.", see: "VP4035"),
    PrintedLine(
      "the kernel", "Invalid PCI ROM header signature|Invalid ROM contents",
      "The device's ROM can't be read: mostly it is the screen that the machine was started on.",
      "Give QEMU a copy of the ROM (romfile=), or start the machine on another screen.",
      see: "VP4032"),
    PrintedLine(
      "lspci or libvirt", "unknown header type 7f|Unknown PCI header type '127'",
      "Every read of the device gives ones: it is off, asleep or gone.",
      "Power the machine off and on; then load vfio-pci with disable_idle_d3=1."),
    PrintedLine(
      "the kernel", "emulating exchange as write",
      "KVM emulates a guest's instruction less strictly than the processor; said once.",
      "Nothing: it has no part in giving devices away."),
  ]
}
