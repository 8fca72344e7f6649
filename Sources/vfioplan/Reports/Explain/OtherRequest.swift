import Parser

/// A request, or an attribute of one, that programs of plans do not contain.
///
/// Numbers and releases are those of `linux/iommufd.h`, `linux/vfio.h` and `linux/kvm.h` (7.3).
struct OtherRequest: Hashable {
  /// The kernel's own name.
  let name: String
  /// The whole number, with direction and size where it has them; `nil` for an attribute.
  let number: UInt32?
  /// The file it is issued on.
  let file: String
  /// The first release that has it; empty if that was not looked up.
  let since: String
  /// What it does: one short clause.
  let summary: String

  private init(_ name: String, _ number: UInt32?, on file: String, _ since: String, _ what: String)
  {
    (self.name, self.number, self.file) = (name, number, file)
    (self.since, summary) = (since, what)
  }

  /// The request of that name.
  static func named(_ name: String) -> OtherRequest? { all.first { $0.name == name } }

  /// Every one that is known, by file and number.
  static let all: [OtherRequest] = iommufd + devices + containers + kvm

  private static let iommufd = [
    iommu("IOMMU_IOAS_ALLOW_IOVAS", 0x82, "6.2", "let an address space map in some ranges only"),
    iommu("IOMMU_IOAS_COPY", 0x83, "6.2", "map in one address space what another one maps"),
    iommu("IOMMU_VFIO_IOAS", 0x88, "6.2", "choose the address space that type1 requests work on"),
    iommu("IOMMU_HWPT_SET_DIRTY_TRACKING", 0x8b, "6.7", "note which pages devices write to"),
    iommu("IOMMU_HWPT_GET_DIRTY_BITMAP", 0x8c, "6.7", "read which pages devices wrote to"),
    iommu("IOMMU_HWPT_INVALIDATE", 0x8d, "6.8", "pass on invalidations of a guest's table"),
    iommu("IOMMU_FAULT_QUEUE_ALLOC", 0x8e, "6.11", "make a queue of page requests to answer"),
    iommu("IOMMU_VIOMMU_ALLOC", 0x90, "6.13", "make a part of an IOMMU a VM's own"),
    iommu("IOMMU_VDEVICE_ALLOC", 0x91, "6.13", "tell that part a device's number in the VM"),
    iommu("IOMMU_IOAS_CHANGE_PROCESS", 0x92, "6.13", "account pinned memory to the caller"),
    iommu("IOMMU_VEVENTQ_ALLOC", 0x93, "6.15", "make a queue of events of a VM's IOMMU"),
    iommu("IOMMU_HW_QUEUE_ALLOC", 0x94, "6.17", "give a VM's IOMMU a queue that hardware reads"),
    iommu("IOMMU_IOAS_NOIOMMU_GET_PA", 0x95, "7.x", "ask for a physical address, without an IOMMU"),
    iommu("IOMMU_TEST_CMD", 0xa0, "6.2", "serve the kernel's own tests (CONFIG_IOMMUFD_TEST)"),
  ]

  private static let devices = [
    device("VFIO_DEVICE_GET_INFO", 0x6b, "3.6", "ask how many regions and interrupts a device has"),
    device("VFIO_DEVICE_GET_REGION_INFO", 0x6c, "3.6", "ask where a BAR or other region is mapped"),
    device("VFIO_DEVICE_GET_IRQ_INFO", 0x6d, "3.6", "ask about one kind of interrupt"),
    device("VFIO_DEVICE_SET_IRQS", 0x6e, "3.6", "have interrupts delivered, masked or unmasked"),
    device("VFIO_DEVICE_RESET", 0x6f, "3.6", "reset the device alone"),
    device("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", 0x70, "3.12", "ask what a bus's reset resets"),
    device("VFIO_DEVICE_PCI_HOT_RESET", 0x71, "3.12", "reset all devices of the bus or slot"),
    device("VFIO_DEVICE_QUERY_GFX_PLANE", 0x72, "4.16", "ask where a virtual GPU's picture is"),
    device("VFIO_DEVICE_GET_GFX_DMABUF", 0x73, "4.16", "open a virtual GPU's picture as a dma-buf"),
    device("VFIO_DEVICE_IOEVENTFD", 0x74, "4.17", "write to a BAR when an eventfd is signalled"),
    device("VFIO_DEVICE_FEATURE", 0x75, "5.6", "get, set or probe a feature: tokens, migration"),
  ]

  private static let containers = [
    container("VFIO_IOMMU_DIRTY_PAGES", 0x75, "5.8", "note and read which pages devices write to"),
    container("VFIO_IOMMU_SPAPR_TCE_GET_INFO", 0x70, "", "ask for the DMA window, on POWER"),
    container("VFIO_IOMMU_ENABLE", 0x73, "", "account locked memory and begin, on POWER"),
    container("VFIO_IOMMU_DISABLE", 0x74, "", "end what VFIO_IOMMU_ENABLE began, on POWER"),
    container("VFIO_EEH_PE_OP", 0x79, "", "recover a device from errors, on POWER"),
  ]

  private static let kvm = [
    kvm("KVM_CHECK_EXTENSION", 0xae03, on: "/dev/kvm or a VM", "ask whether KVM has a capability"),
    kvm("KVM_CREATE_VCPU", 0xae41, on: "a VM", "make a processor of the VM"),
    kvm("KVM_SET_USER_MEMORY_REGION", 0x4020_ae46, on: "a VM", "give the VM memory"),
    kvm("KVM_SET_GSI_ROUTING", 0x4008_ae6a, on: "a VM", "say which interrupt goes where"),
    kvm("KVM_IRQFD", 0x4020_ae76, on: "a VM", "interrupt the guest when an eventfd is signalled"),
    kvm("KVM_IOEVENTFD", 0x4040_ae79, on: "a VM", "signal an eventfd when the guest writes"),
    kvm("KVM_RUN", 0xae80, on: "a vCPU", "run the guest until it needs the VMM"),
    kvm("KVM_ENABLE_CAP", 0x4068_aea3, on: "a VM", "switch a capability on, or a quirk off"),
    kvm("KVM_GET_DEVICE_ATTR", 0x4018_aee2, on: "a device of KVM", "read an attribute of it"),
    kvm("KVM_HAS_DEVICE_ATTR", 0x4018_aee3, on: "a device of KVM", "ask whether it has one"),
    attribute("KVM_DEV_VFIO_FILE", "6.6", "the group of attributes that are VFIO's files"),
    attribute("KVM_DEV_VFIO_FILE_ADD", "6.6", "tell KVM about a device's or a group's file"),
    attribute("KVM_DEV_VFIO_FILE_DEL", "6.6", "make KVM forget such a file"),
    attribute("KVM_DEV_VFIO_GROUP", "3.13", "the older name of KVM_DEV_VFIO_FILE"),
    attribute("KVM_DEV_VFIO_GROUP_ADD", "3.13", "the older name of KVM_DEV_VFIO_FILE_ADD"),
    attribute("KVM_DEV_VFIO_GROUP_DEL", "3.13", "the older name of KVM_DEV_VFIO_FILE_DEL"),
    attribute("KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE", "", "tie a group to a DMA window, on POWER"),
  ]

  private static func iommu(_ name: String, _ number: UInt32, _ since: String, _ what: String)
    -> OtherRequest
  {
    OtherRequest(name, 0x3b00 | number, on: "/dev/iommu", since, what)
  }

  private static func device(_ name: String, _ number: UInt32, _ since: String, _ what: String)
    -> OtherRequest
  {
    OtherRequest(name, 0x3b00 | number, on: "a device's VFIO file", since, what)
  }

  private static func container(_ name: String, _ number: UInt32, _ since: String, _ what: String)
    -> OtherRequest
  {
    OtherRequest(name, 0x3b00 | number, on: "/dev/vfio/vfio", since, what)
  }

  private static func kvm(_ name: String, _ number: UInt32, on file: String, _ what: String)
    -> OtherRequest
  {
    OtherRequest(name, number, on: file, "", what)
  }

  private static func attribute(_ name: String, _ since: String, _ what: String) -> OtherRequest {
    OtherRequest(name, nil, on: "a VM's kvm-vfio device", since, what)
  }
}

extension OtherRequest {
  /// Writes it as an object.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("request", name)
    if let number { writer.member("number", hex: UInt64(number), digits: 4) }
    writer.member("receiver", file)
    if !since.isEmpty { writer.member("source", since) }
    writer.member("summary", summary)
    writer.member("used", false)
    writer.endObject()
  }
}
