import Executor
import Parser
import Planner

/// What a host's kernel and its IOMMU units offer, in sentences.
struct HostUnits {
  private let host: HostDescription

  /// Takes a host.
  init(_ host: HostDescription) { self.host = host }

  /// The release and the interfaces.
  var kernel: String {
    let kernel = host.kernel
    let release = kernel.release.isEmpty ? "Linux of no known release" : "Linux " + kernel.release
    let found: [String] = [
      (kernel.iommufd, "iommufd"), (kernel.vfioCdev, "VFIO cdevs"), (kernel.type1, "type1"),
      (kernel.kvm, "KVM"),
    ].compactMap { (fact: Fact, name: String) in fact == .yes ? name : nil }
    let unsafe = kernel.allowUnsafeInterrupts ? "; unsafe interrupts allowed" : ""
    let interfaces = found.isEmpty ? "neither VFIO nor KVM" : found.joined(separator: ", ")
    return "\(release): \(interfaces)\(unsafe)."
  }

  /// What units have in common in a sentence.
  private struct Kind: Hashable {
    var type: String
    var enforcement: Fact
    var isolatesInterrupts: Bool
  }

  /// A sentence for all units of a kind, in order of the first one.
  var sentences: [String] {
    var kinds: [Kind] = []
    var names: [Kind: [String]] = [:]
    for unit in host.iommus {
      let kind = Kind(
        type: unit.type, enforcement: unit.enforcement(by: host.kernel.rules),
        isolatesInterrupts: unit.isolatedMSI)
      if names[kind] == nil { kinds.append(kind) }
      names[kind, default: []].append(unit.name)
    }
    return kinds.map { Self.sentence($0, names[$0] ?? []) }
  }

  private static func sentence(_ kind: Kind, _ names: [String]) -> String {
    let isOne = names.count == 1
    let subject = "\(nameList(names, limit: 6)) (\(self.name(ofType: kind.type)))"
    let verb =
      switch kind.enforcement {
      case .yes: isOne ? " enforces snoop" : " enforce snoop"
      case .no: " can't enforce snoop"
      case .unknown:
        ": nobody knows whether \(isOne ? "it" : "they") can enforce snoop, counted as no"
      }
    let negation = isOne ? "does not isolate" : "do not isolate"
    return "\(subject)\(verb)\(kind.isolatesInterrupts ? "" : ", \(negation) interrupts")."
  }

  /// What people call a type of units.
  private static func name(ofType type: String) -> String {
    switch type {
    case HostIOMMU.intel: "Intel VT-d"
    case HostIOMMU.amd: "AMD-Vi"
    case HostIOMMU.arm: "SMMUv3"
    default: type
    }
  }

  /// The widths and page sizes of the units, one each.
  var formats: [(name: String, text: String)] {
    host.iommus.map { unit in
      let sizes = unit.pageSizes.map(byteSizeText).joined(separator: ", ")
      return (unit.name, "addresses of \(unit.addressBits) bits, pages of \(sizes)")
    }
  }
}
