import Parser
import Testing

struct KernelVersionTests {
  @Test(
    arguments: [
      ("6.12.30+deb13-amd64", "6.12"), ("7.3", "7.3"), ("6.1.0-rc1", "6.1"), ("5.10-rc3", "5.10"),
      ("2.6.32-754.el6", "2.6.32"), ("2.6", "2.6"), ("3.0.101", "3.0"),
    ])
  func aReleaseStartsWithItsVersion(release: String, version: String) {
    #expect(KernelVersion(release)?.description == version)
  }

  @Test(arguments: ["", "6", "custom", "6.x", "v6.1", ".", "6.", "linux-6.1"])
  func otherTextsAreNoVersions(text: String) { #expect(KernelVersion(text) == nil) }

  @Test func versionsAreInTheOrderTheyCameOut() {
    let versions = ["2.6.20", "2.6.32", "3.0", "3.10", "6.2", "6.10", "6.12.99", "6.13", "7.0"]
      .compactMap { KernelVersion($0) }
    #expect(versions.count == 9)
    for (earlier, later) in zip(versions, versions.dropFirst()) {
      #expect(earlier < later)
      #expect(!(later < earlier))
    }
    #expect(KernelVersion("6.12.30") == KernelVersion(6, 12))
  }

  @Test func aVendorsReleaseIsToldByItsSuffix() {
    for release in ["5.14.0-427.el9.x86_64", "5.15.0-1064-azure", "6.4.0-150600-default"] {
      #expect(HostKernel(release: release).isVendorsOwn, "\(release)")
    }
    #expect(!HostKernel(release: "6.12.41+deb13-amd64").isVendorsOwn)
    #expect(HostKernel(release: "custom").version == nil)
  }
}
