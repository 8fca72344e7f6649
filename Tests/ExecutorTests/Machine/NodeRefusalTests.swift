import Parser
import Planner
import Testing

@testable import Executor

/// A file that can't be used: why, and what may be done about it.
struct NodeRefusalTests {
  @Test(arguments: ["EPERM", "EACCES"])
  func onlyRightsAreWhatSomebodyElseMayHave(name: String) throws {
    let errno = try #require(Errno(name: name))
    let finding = KernelDiagnostics.denied("/dev/kvm", errno, nil)
    #expect(finding.code == KernelDiagnostics.notPermitted && finding.help?.isEmpty == false)
  }

  @Test(arguments: ["EROFS", "ENOTDIR", "ELOOP", "EIO"])
  func anyOtherReasonIsSaidByItsName(name: String) throws {
    let errno = try #require(Errno(name: name))
    let finding = KernelDiagnostics.denied("/dev/kvm", errno, nil)
    #expect(finding.code == KernelDiagnostics.unusable && finding.severity == .error)
    #expect(finding.message == "/dev/kvm can't be used: \(name)")
  }
}
