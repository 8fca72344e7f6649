import Glibc
import Planner
import TestSupport
import Testing

@testable import Executor

/// A write that waits inside the kernel is given up after a time.
struct DriverWaitTests {
  @Test func aWriteIsMade() throws {
    let copy = try SysfsCopy()
    try copy.write("unbind", "")
    try SystemCalls.write(Array("a".utf8), to: copy.path + "/unbind", within: 10)
    #expect(try SystemCalls.read(copy.path + "/unbind") == "a")
  }

  @Test func aWriteThatFailsSaysWhy() throws {
    let copy = try SysfsCopy()
    #expect(throws: Errno.enoent) {
      try SystemCalls.write([10], to: copy.path + "/unbind", within: 10)
    }
  }

  /// A pipe that nobody reads is opened by nobody.
  @Test func aWriteThatWaitsIsGivenUp() throws {
    let copy = try SysfsCopy()
    let path = copy.path + "/unbind"
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: Errno.etimedout) { try SystemCalls.write([10], to: path, within: 1) }
    // Lets the process that waits go on.
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    close(reader)
  }

  /// Else `restore` could take a device for given back that is taken away later.
  @Test func aLockLastsAsLongAsTheWrite() throws {
    let copy = try SysfsCopy()
    try copy.write("journal", "")
    let path = copy.path + "/unbind"
    #expect(mkfifo(path, 0o600) == 0)
    let journal = try SystemCalls.open(copy.path + "/journal", O_RDONLY)
    #expect(try SystemCalls.lock(journal))
    #expect(throws: Errno.etimedout) {
      try SystemCalls.write([10], to: path, within: 1, keeping: journal)
    }
    try SystemCalls.close(journal)
    let other = try SystemCalls.open(copy.path + "/journal", O_RDONLY)
    #expect(try !SystemCalls.lock(other))
    let reader = open(path, O_RDONLY)
    for _ in 0..<100 where try !SystemCalls.lock(other) { SystemCalls.pause() }
    #expect(try SystemCalls.lock(other))
    close(reader)
    try SystemCalls.close(other)
  }
}
