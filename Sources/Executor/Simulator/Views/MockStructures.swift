// The requests by which iommufd is tested (`iommufd/iommufd_test.h`, CONFIG_IOMMUFD_TEST).

/// What `IOMMU_TEST_CMD` does (`IOMMU_TEST_OP_*`), as far as it is simulated.
enum MockOperation: UInt32 {
  case addReserved = 1
  case mockDomain = 2
  case checkMap = 3
  case checkReferences = 4
  case createAccess = 5
  case destroyAccessPages = 6
  case accessPages = 7
  case accessBytes = 8
  case setMemoryLimit = 9
  case replaceDomain = 10
  case replaceAccess = 11
  case mockDomainFlags = 12
  case setDirty = 13
  case checkCache = 16
  case attachPASID = 18
  case detachPASID = 20
}

/// What all of them begin with: `struct iommu_test_cmd`, whose union is a view of its own.
struct MockCommand: StructureLayout {
  let size = Member<UInt32>(at: 0)
  let op = Member<UInt32>(at: 4)
  let id = Member<UInt32>(at: 8)
  let reserved = Member<UInt32>(at: 12)
  let content = Member<UInt64>(at: 16)
  let last = Member<UInt32>(at: 64)
}

/// `mock_domain_flags`; `mock_domain` and `mock_domain_replace` are its beginning.
struct MockDomain: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let outDevice = Answer<UInt32>(at: 16)
  let outTable = Answer<UInt32>(at: 20)
  let outBound = Answer<UInt32>(at: 24)
  let flags = Member<MockDeviceFlags>(at: 28)
}

/// `add_reserved`, `check_map`, `check_refs` and `access_rw` in one: numbers of 64 bits.
struct MockRange: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let first = Member<UInt64>(at: 16)
  let second = Member<UInt64>(at: 24)
  let third = Member<UInt64>(at: 32)
  let flags = Member<MockAccessFlags>(at: 40)
}

/// `create_access`.
struct MockAccessRequest: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let outFile = Answer<Int32>(at: 16)
  let flags = Member<MockAccessKind>(at: 20)
}

/// `access_pages`; `destroy_access_pages` and `access_replace_ioas` are its beginning.
struct MockPages: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let flags = Member<MockAccessFlags>(at: 16)
  let outID = Answer<UInt32>(at: 20)
  let iova = Member<UInt64>(at: 24)
  let length = Member<UInt64>(at: 32)
  let address = Member<UInt64>(at: 40)
}

/// `dirty`.
struct MockDirty: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let flags = Member<UInt32>(at: 16)
  let iova = Member<UInt64>(at: 24)
  let length = Member<UInt64>(at: 32)
  let pageSize = Member<UInt64>(at: 40)
  let bitmap = Pointer<UserByte>(at: 48)
  let outCount = Answer<UInt64>(at: 56)
}

/// `check_dev_cache`: which of a device's caches, and what has to be in it.
struct MockCache: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let index = Member<UInt32>(at: 16)
  let content = Member<UInt32>(at: 20)
  /// `IOMMU_TEST_DEV_CACHE_DEFAULT`.
  static let initial: UInt32 = 0xbaddad
  /// `MOCK_DEV_CACHE_NUM`.
  static let count: UInt32 = 4
}

/// `pasid_attach`, of which `pasid_detach` is the beginning.
struct MockPASID: StructureLayout {
  let id = Member<UInt32>(at: 8)
  let pasid = Member<UInt32>(at: 16)
  let table = Member<UInt32>(at: 20)
}

/// `MOCK_FLAGS_DEVICE_*`.
struct MockDeviceFlags: Flags {
  let rawValue: UInt32
  static let noDirty = MockDeviceFlags(rawValue: 1)
  static let pasid = MockDeviceFlags(rawValue: 4)
}

/// `MOCK_FLAGS_ACCESS_CREATE_*`.
struct MockAccessKind: Flags {
  let rawValue: UInt32
  static let pinsPages = MockAccessKind(rawValue: 1)
}

/// `MOCK_ACCESS_RW_*` and `MOCK_FLAGS_ACCESS_WRITE`, which is the same.
struct MockAccessFlags: Flags {
  let rawValue: UInt32
  static let write = MockAccessFlags(rawValue: 1)
  static let slowPath = MockAccessFlags(rawValue: 4)
}

/// What the mock's driver is made of.
enum Mock {
  /// `MOCK_APERTURE_START`.
  static let apertureStart: UInt64 = 1 << 24
  /// `MOCK_APERTURE_LAST`.
  static let apertureLast: UInt64 = (1 << 31) - 1
  /// `MOCK_PAGE_SIZE`.
  static let pageBytes: UInt64 = 2048
  /// `MOCK_HUGE_PAGE_SIZE`.
  static let hugeBytes: UInt64 = 512 * 2048
  /// `MOCK_PASID_WIDTH`.
  static let pasidBits: UInt8 = 20
  /// `IOMMU_HW_INFO_TYPE_SELFTEST`.
  static let hardwareType: UInt32 = 0xfeed_beef
  /// `IOMMU_HW_INFO_SELFTEST_REGVAL`.
  static let register: UInt32 = 0xdead_beef
  /// `IOMMU_HWPT_DATA_SELFTEST`.
  static let tableType: UInt32 = 0xdead
  /// `MOCK_IOMMUPT_HUGE`.
  static let hugeTable: UInt32 = 1
  /// The longest range that an access takes, in bytes.
  static let longestAccess: UInt64 = 16 << 20
  /// The least memory that a limit leaves.
  static let leastLimit: UInt64 = 12
}

/// `struct iommu_hwpt_selftest`: what a mock's page table is to be.
struct MockTable: SizedLayout {
  let iotlb = Answer<UInt32>(at: 0)
  let format = Answer<UInt32>(at: 4)
  static let size = 8
  /// What callers need not have more of.
  static let sizeOfFirstRelease = 4
}

/// `struct iommu_test_hw_info`.
struct MockHardware: SizedLayout {
  let flags = Answer<UInt32>(at: 0)
  let register = Answer<UInt32>(at: 4)
  static let size = 8
}
