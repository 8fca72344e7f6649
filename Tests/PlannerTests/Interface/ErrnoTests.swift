import Foundation
import Planner
import Testing

/// Errnos are said by their names.
struct ErrnoTests {
  @Test func everyNumberOfTheSystemHasItsName() {
    for number in Int32(1)...133 {
      let isUsed = !String(cString: strerror(number)).hasPrefix("Unknown error")
      let name = Errno(rawValue: number).description
      #expect(name.hasPrefix("E") == isUsed, "\(number) is \(name)")
      #expect(!isUsed || Errno(name: name)?.rawValue == number)
    }
  }

  @Test func namesAreThoseOfTheHeaders() {
    let known: [(String, Int32)] = [
      ("EPERM", EPERM), ("ENOTDIR", ENOTDIR), ("EROFS", EROFS), ("ELOOP", ELOOP),
      ("ENOMSG", ENOMSG), ("EBFONT", EBFONT), ("EOPNOTSUPP", EOPNOTSUPP), ("EDQUOT", EDQUOT),
      ("EHWPOISON", EHWPOISON), ("ENOTSUPP", 524),
    ]
    for (name, number) in known { #expect(Errno(rawValue: number).description == name) }
    #expect(Errno(rawValue: 4000).description == "errno 4000" && Errno(name: "-") == nil)
  }

  @Test func onlyRightsAreDenied() {
    for number in Int32(1)...133 {
      #expect(Errno(rawValue: number).isDenial == [EPERM, EACCES].contains(number))
    }
  }
}
