import Planner
import Parser

/// Something that can be explained.
enum Topic: Hashable {
  /// A diagnostic.
  case code(DiagnosticCode)
  /// A request that programs of plans have.
  case request(RequestDescriptor)
  /// One that they don't.
  case other(OtherRequest)
  /// In what kernels differ.
  case rule(KernelRule)
  /// An errno by itself.
  case errno(Errno)
  /// A request that failed.
  case failure(RequestDescriptor, Errno)
  /// One that programs of plans don't have, and that failed.
  case otherFailure(OtherRequest, Errno)
  /// A line that something printed, with the errno that it ends with.
  case line(PrintedLine, Errno?)
}

extension Topic {
  /// What one word stands for: a code, a request by name or number, a rule, an errno by number.
  ///
  /// `nil` if it is none of them; empty if it can be nothing else, and nothing has that name.
  static func topics(of word: String) -> [Topic]? {
    if word.lowercased() == "rules" {
      return (KernelRules.all + KernelRules.ofRequests).map { .rule($0) }
    }
    if let code = DiagnosticCatalog.code(named: word) { return [.code(code)] }
    let name = word.uppercased()
    let requests = requests(where: { $0.name == name }, { $0.name == name })
    if !requests.isEmpty { return requests }
    if let rule = KernelRules.all.first(where: { $0.name.lowercased() == word.lowercased() }) {
      return [.rule(rule)]
    }
    if let number = number(word) { return topics(numbered: number) }
    return isMeantAsName(name) ? [] : nil
  }

  /// Whether a word can only be meant as a code or a request.
  private static func isMeantAsName(_ name: String) -> Bool {
    if name.hasPrefix("VP") { return name.dropFirst(2).allSatisfy(\.isNumber) }
    let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
    return ["IOMMU_", "VFIO_", "KVM_", "IOASID_"].contains { name.hasPrefix($0) }
      && name.allSatisfy(letters.contains)
  }

  /// The requests of a number, which several files may have: whole, or its type and its own number.
  private static func topics(numbered number: UInt64) -> [Topic] {
    func isMeant(_ command: UInt32) -> Bool {
      number == command || number == UInt64(command & 0xffff)
    }
    let found = requests(
      where: { isMeant($0.code.command) }, { $0.number.map(isMeant) ?? false })
    return found.isEmpty ? ErrnoText.errno(numbered: number).map { [.errno($0)] } ?? [] : found
  }

  private static func requests(
    where isMeant: (RequestDescriptor) -> Bool, _ isOtherMeant: (OtherRequest) -> Bool
  ) -> [Topic] {
    var names: Set<String> = []
    let own = RequestRegistry.all.filter { isMeant($0) && names.insert($0.name).inserted }
    return own.map { .request(RequestRegistry.request(named: $0.name) ?? $0) }
      + OtherRequest.all.filter(isOtherMeant).map { .other($0) }
  }

  /// A number as it is written in C.
  static func number(_ word: some StringProtocol) -> UInt64? {
    Hex.orDecimal(word.lowercased())
  }
}
