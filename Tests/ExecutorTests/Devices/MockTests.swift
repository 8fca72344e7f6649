import Parser
import Planner
import Testing

@testable import Executor

/// The requests by which the kernel's own tests of iommufd make devices that are not there.
struct MockTests {
  private let raw = RawKernel(HostDescription(name: "empty"))
  private let iommufd: Int32
  private let ioas: UInt64 = 1

  init() {
    raw.kernel.hasMock = true
    iommufd = raw.file(.iommu)
    #expect(raw.ioasAlloc(iommufd) == "1")
  }

  /// A test request: operation, id, and numbers of 32 bits; the answer, and the numbers afterwards.
  private func test(
    _ operation: UInt32, _ id: UInt64, _ numbers: [UInt32] = []
  ) -> (answer: String, numbers: [UInt32]) {
    let head: [UInt32] = [72, operation, UInt32(id), 0]
    let words = (head + numbers + [UInt32](repeating: 0, count: 18)).prefix(18)
    var argument = IoctlArgument.bytes(
      words.flatMap { raw.bytes(UInt64($0), 4) }, pointers: [])
    do throws(Errno) {
      _ = try raw.kernel.ioctl(iommufd, 0x3ba0, &argument)
      let bytes = SimulatedArgument(argument)
      return ("0", (4..<18).map { bytes.u32(4 * $0) })
    } catch {
      return (error.description, [])
    }
  }

  /// Numbers of 64 bits as two of 32.
  private func long(_ numbers: [UInt64]) -> [UInt32] {
    numbers.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32($0 >> 32)] }
  }

  /// A device of the tests: its object, its table and its id.
  private func device(_ table: UInt64, flags: UInt32? = nil) -> (UInt64, UInt64, UInt64) {
    let answer = test(flags == nil ? 2 : 12, table, [0, 0, 0, flags ?? 0]).numbers
    return (UInt64(answer[0]), UInt64(answer[1]), UInt64(answer[2]))
  }

  @Test func onlyAKernelThatIsBuiltForTestsHasThem() {
    let other = RawKernel()
    let file = other.file(.iommu)
    #expect(other.call(file, 0x3ba0, [(72, 4), (2, 4), (1, 4), (0, 4)]) == "ENOTTY")
    #expect(test(99, 1).answer == "EOPNOTSUPP")
    #expect(raw.call(iommufd, 0x3ba0, [(67, 4)]) == "EINVAL")
    #expect(raw.call(iommufd, 0x3ba0, .none) == "EFAULT")
  }

  @Test func aDeviceIsPluggedInBoundAndAttached() {
    #expect(test(2, 99).answer == "ENOENT")
    #expect(test(12, ioas, [0, 0, 0, 2]).answer == "EINVAL")
    let (object, table, id) = device(ioas)
    #expect((object, table, id) == (2, 4, 3))
    #expect(raw.destroy(iommufd, ioas) == "EBUSY")
    #expect(raw.destroy(iommufd, id) == "EBUSY")
    #expect(raw.ranges(iommufd, ioas, room: 4) == "0 num=1 align=2048 1000000-7fffffff")
    #expect(raw.destroy(iommufd, object) == "0")
    #expect(raw.destroy(iommufd, table) == "ENOENT")
    #expect(raw.destroy(iommufd, ioas) == "0")
  }

  @Test func everythingGoesWithTheLastFile() {
    for _ in 0..<3 {
      _ = device(ioas)
      _ = device(ioas, flags: 5)
    }
    raw.close(iommufd)
    #expect(raw.kernel.state().isPristine)
    #expect(raw.kernel.state().devices.isEmpty)
    #expect(raw.kernel.host.devices.count == 6)
    #expect(!raw.kernel.host.devices.contains { $0.isPresent })
  }

  @Test func whatIsMappedIsWhereItWasMapped() {
    let memory = raw.memory()
    let table = device(ioas).1
    #expect(
      raw.map(iommufd, ioas, flags: 7, va: memory + 2048, length: 4096, iova: 1 << 24)
        == "16777216")
    #expect(test(3, table, long([1 << 24, 4096, memory + 2048])).answer == "0")
    #expect(test(3, table, long([1 << 24, 4096, memory])).answer == "EINVAL")
    #expect(test(3, table, long([1 << 24, 6144, memory + 2048])).answer == "EINVAL")
    #expect(test(3, table, long([1 << 24 + 1, 2048, memory + 2048])).answer == "EINVAL")
    #expect(test(3, table, long([1 << 24, 2048, 0x1000])).answer == "EFAULT")
    #expect(test(3, ioas, long([1 << 24, 2048, memory])).answer == "ENOENT")
    #expect(test(4, 0, long([8192, memory, 1])).answer == "0")
    #expect(test(4, 0, long([4096, memory + 8192, 0])).answer == "0")
    #expect(test(4, 0, long([4096, memory, 0])).answer == "EIO")
    #expect(test(4, 0, long([4096, memory + 1, 0])).answer == "EINVAL")
  }

  @Test func anAccessPinsWhatIsMappedUntilThatIsUnmapped() {
    let memory = raw.memory()
    #expect(
      raw.map(iommufd, ioas, flags: 7, va: memory, length: 8192, iova: 1 << 24) == "16777216")
    #expect(test(5, ioas, [0, 2]).answer == "EOPNOTSUPP")
    #expect(test(5, 99, [0, 1]).answer == "ENOENT")
    let access = UInt64(test(5, ioas, [0, 1]).numbers[0])
    #expect(raw.destroy(iommufd, ioas) == "EBUSY")
    #expect(test(7, access, [0, 0] + long([1 << 24, 0, memory])).answer == "EINVAL")
    #expect(test(7, access, [0, 0] + long([1 << 24, 4096, memory + 4096])).answer == "EBADE")
    #expect(test(7, access, [0, 0] + long([1 << 24, 12288, 0])).answer == "ENOENT")
    #expect(test(7, access, [0, 0] + long([1 << 24, 4096, memory])).numbers[1] == 1)
    #expect(test(4, 0, long([4096, memory, 1])).answer == "0")
    #expect(test(6, access, [1]).answer == "0")
    #expect(test(6, access, [1]).answer == "ENOENT")
    #expect(test(7, access, [0, 0] + long([1 << 24, 4096, memory])).numbers[1] == 2)
    #expect(raw.unmap(iommufd, ioas, iova: 1 << 24, length: 8192) == "8192")
    #expect(test(6, access, [2]).answer == "ENOENT")
    #expect(test(6, UInt64(iommufd), [2]).answer == "EBADFD")
    #expect(raw.close(Int32(access)) == "0")
    #expect(raw.destroy(iommufd, ioas) == "0")
  }

  @Test func anAccessReadsAndWritesWhatItMay() {
    let memory = raw.memory()
    #expect(
      raw.map(iommufd, ioas, flags: 5, va: memory, length: 4096, iova: 1 << 24) == "16777216")
    let access = UInt64(test(5, ioas).numbers[0])
    let target = raw.memory()
    #expect(test(8, access, long([1 << 24, 100, target])).answer == "0")
    #expect(test(8, access, long([1 << 24, 100, target]) + [1]).answer == "EPERM")
    #expect(test(8, access, long([1 << 24, 100, target]) + [2]).answer == "EOPNOTSUPP")
    #expect(test(8, access, long([1 << 24, 5000, target])).answer == "ENOENT")
    #expect(test(8, access, long([1 << 24, 100, 0x1000])).answer == "EFAULT")
    #expect(test(8, access, long([1 << 24, 1 << 30, target])).answer == "ENOMEM")
    #expect(test(7, access, [0, 0] + long([1 << 24, 4096, 0])).answer == "EOPNOTSUPP")
  }

  @Test func dirtyPagesAreToldOnceUnlessTheyAreToStay() throws {
    let memory = raw.memory()
    let (_, table, id) = device(ioas)
    #expect(raw.map(iommufd, ioas, flags: 7, va: memory, length: 0x8000, iova: 1 << 24) != "0")
    #expect(call(0x3b8b, [16, 2, UInt32(table), 0]) == "EOPNOTSUPP")
    #expect(call(0x3b8b, [16, 1, 99, 0]) == "ENOENT")
    #expect(call(0x3b8b, [16, 1, UInt32(table), 0]) == "EOPNOTSUPP")
    let tracked = raw.hwptAlloc(iommufd, device: id, parent: ioas, flags: 2)
    let hwpt = try #require(UInt64(tracked))
    #expect(call(0x3b8b, [16, 1, UInt32(hwpt), 0]) == "0")
    #expect(dirty(hwpt, [0b1001]) == "2")
    #expect(bitmap(hwpt, flags: 1) == [0b0000_1111, 0])
    #expect(bitmap(hwpt) == [0b0000_1111, 0])
    #expect(bitmap(hwpt) == [0, 0])
    #expect(dirty(hwpt, [0b1001]) == "2")
    #expect(call(0x3b8b, [16, 0, UInt32(hwpt), 0]) == "0")
    #expect(call(0x3b8b, [16, 1, UInt32(hwpt), 0]) == "0")
    #expect(bitmap(hwpt) == [0, 0])
    #expect(test(12, hwpt, [0, 0, 0, 1]).answer == "EINVAL")
  }

  @Test func aPASIDNeedsATableThatWasMadeForIt() throws {
    let id = device(ioas).2
    let plain = try #require(UInt64(raw.hwptAlloc(iommufd, device: id, parent: ioas)))
    let hwpt = try #require(UInt64(raw.hwptAlloc(iommufd, device: id, parent: ioas, flags: 8)))
    let (object, _, _) = device(hwpt, flags: 4)
    #expect(test(18, object, [100, UInt32(plain)]).answer == "EINVAL")
    #expect(test(18, object, [100, 99]).answer == "ENOENT")
    #expect(test(18, object, [100, UInt32(hwpt)]).answer == "0")
    #expect(test(18, device(hwpt).0, [100, UInt32(hwpt)]).answer == "EINVAL")
    #expect(test(20, object, [100]).answer == "0")
    #expect(test(20, object, [100]).answer == "0")
    #expect(raw.destroy(iommufd, object) == "0")
    #expect(test(20, object, [100]).answer == "ENOENT")
  }

  @Test func theArgumentsOfABitmapOfDirtyPagesInTheKernelsOrder() throws {
    let (_, table, id) = device(ioas)
    let hwpt = try #require(
      UInt32(raw.hwptAlloc(iommufd, device: id, parent: ioas, flags: 2)))
    func ask(
      _ hwpt: UInt32, flags: UInt32 = 0, reserved: UInt32 = 0, _ numbers: [UInt64]
    ) -> String {
      call(0x3b8c, [48, hwpt, flags, reserved] + long(numbers) + [0, 0])
    }
    #expect(ask(99, flags: 2, [0, 0, 0]) == "EOPNOTSUPP")
    #expect(ask(99, reserved: 1, [0, 0, 0]) == "EOPNOTSUPP")
    #expect(ask(99, [0, 0, 0]) == "ENOENT")
    #expect(ask(hwpt, [1, 0, 0]) == "EINVAL")
    #expect(ask(hwpt, [2, .max, 0]) == "EOVERFLOW")
    #expect(ask(hwpt, [1, 4095, 2048]) == "EINVAL")
    #expect(ask(hwpt, [0, 4096, 0]) == "EINVAL")
    #expect(ask(hwpt, [2048, 2048, 4096]) == "EINVAL")
    #expect(ask(UInt32(table), [2048, 2048, 2048]) == "EOPNOTSUPP")
    #expect(ask(hwpt, [2048, 2048, 2048]) == "0")
  }

  private func call(_ command: UInt32, _ numbers: [UInt32]) -> String {
    raw.call(iommufd, command, numbers.map { (UInt64($0), 4) })
  }

  private func dirty(_ hwpt: UInt64, _ bits: [UInt8]) -> String {
    let words: [UInt32] = [72, 13, UInt32(hwpt), 0, 0, 0] + long([1 << 24, 0x4000, 2048])
    return raw.call(
      iommufd, 0x3ba0, words.map { (UInt64($0), 4) } + [(0, 8), (0, 8), (0, 8)],
      pointers: [.init(offset: 48, bytes: bits)]
    ) { bytes, _ in bytes.u64(56) }
  }

  private func bitmap(_ hwpt: UInt64, flags: UInt32 = 0) -> [UInt8] {
    let words: [UInt32] = [48, UInt32(hwpt), flags, 0] + long([1 << 24, 0x8000, 2048])
    var argument = IoctlArgument.bytes(
      words.flatMap { raw.bytes(UInt64($0), 4) } + raw.bytes(0, 8),
      pointers: [.init(offset: 40, bytes: [0, 0])])
    _ = try? raw.kernel.ioctl(iommufd, 0x3b8c, &argument)
    return SimulatedArgument(argument).target(at: 40) ?? []
  }
}

/// Dirty pages of a container (§2.26).
struct ContainerDirtyPagesTests {
  private let device = RawDevice(byGroup: 1)

  private func ask(
    _ flags: UInt32, _ numbers: [UInt64] = [], bits: Int = 0, by request: UInt32 = 0x3b75
  ) -> (answer: String, bits: [UInt8]) {
    let raw = device.raw
    let size: UInt64 = numbers.isEmpty ? 8 : 48
    let bytes =
      raw.bytes(size, 4) + raw.bytes(UInt64(flags), 4) + numbers.flatMap { raw.bytes($0, 8) }
    let content = [UInt8](repeating: 0, count: bits)
    var argument = IoctlArgument.bytes(
      bytes + raw.bytes(0, numbers.isEmpty ? 0 : 8),
      pointers: [.init(offset: 40, bytes: content)])
    do throws(Errno) {
      _ = try raw.kernel.ioctl(device.context, request, &argument)
      return ("0", SimulatedArgument(argument).target(at: 40) ?? [])
    } catch {
      return (error.description, [])
    }
  }

  @Test func oneThingAtATime() {
    for flags: UInt32 in [0, 3, 5, 6, 7, 8] { #expect(ask(flags).answer == "EINVAL") }
    #expect(device.raw.call(device.context, 0x3b75, .none) == "EFAULT")
    for flags: UInt32 in [1, 1, 2, 2] { #expect(ask(flags).answer == "0") }
    #expect(ask(4).answer == "EINVAL")
  }

  @Test func theFirstVersionHasNone() {
    let raw = RawKernel(LabHost.mixed())
    let (container, group) = (raw.file(.vfioContainer), raw.file(.vfioGroup(1)))
    #expect(raw.call(container, 0x3b75, .none) == "EINVAL")
    #expect(raw.setContainer(group, container) == "0")
    #expect(raw.setIOMMU(container, 1) == "0")
    #expect(raw.call(container, 0x3b75, .none) == "EACCES")
  }

  @Test func whatIsMappedIsDirty() {
    let memory = device.raw.memory()
    #expect(device.raw.type1Map(device.context, va: memory, iova: 0x3000, size: 0x2000) == "0")
    let whole: [UInt64] = [0, 0x10000, 4096, 8]
    #expect(ask(4, whole, bits: 8).answer == "EINVAL")
    #expect(ask(1).answer == "0")
    #expect(ask(4, whole, bits: 8).bits == [0b1_1000, 0, 0, 0, 0, 0, 0, 0])
    #expect(ask(4, whole, bits: 1).answer == "EFAULT")
    for numbers: [UInt64] in [
      [0, 0, 4096, 8], [0, 0x10000, 8192, 8], [0, 0x10000, 4096, 7], [1, 0x10000, 4096, 8],
      [0, 0x10001, 4096, 8], [0, 0x4000, 4096, 8], [0x4000, 0x4000, 4096, 8],
      [0, 0x10000, 4096, 1 << 29], [0, 0x10000, 0, 8],
    ] {
      #expect(ask(4, numbers, bits: 8).answer == "EINVAL", "\(numbers)")
    }
    #expect(ask(4, [0x2000, .max - 0xfff, 4096, 1 << 28], bits: 8).answer == "EOVERFLOW")
  }

  @Test func whatIsUnmappedWasDirty() {
    let memory = device.raw.memory()
    #expect(device.raw.type1Map(device.context, va: memory, iova: 0x3000, size: 0x2000) == "0")
    let whole: [UInt64] = [0, 0x10000, 4096, 8]
    #expect(ask(1, whole, bits: 8, by: 0x3b72).answer == "EINVAL")
    #expect(ask(1).answer == "0")
    for numbers: [UInt64] in [
      [0, 0, 4096, 8], [0, 0x10000, 8192, 8], [0, 0x10000, 4096, 7], [1, 0x10000, 4096, 8],
      [0, 0x4000, 4096, 8], [0x4000, 0x4000, 4096, 8], [0, 0x10000, 0, 8],
    ] {
      #expect(ask(1, numbers, bits: 8, by: 0x3b72).answer == "EINVAL", "\(numbers)")
    }
    for flags: UInt32 in [3, 5] {
      #expect(ask(flags, whole, bits: 8, by: 0x3b72).answer == "EINVAL")
    }
    #expect(ask(1, whole, bits: 1, by: 0x3b72).answer == "EFAULT")
    #expect(ask(4, whole, bits: 8).bits.first == 0b1_1000)
    #expect(ask(1, whole, bits: 8, by: 0x3b72).bits == [0b1_1000, 0, 0, 0, 0, 0, 0, 0])
    #expect(ask(4, whole, bits: 8).bits.first == 0)
    #expect(ask(1, whole, bits: 8, by: 0x3b72).answer == "0")
  }
}
