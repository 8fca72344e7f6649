import Parser
import Planner

@testable import Executor

/// What a report says is left inside the files that are left, against what a simulated kernel
/// holds there.
///
/// `LeftoverComparison` counts files and objects; this counts what was done with them.
struct EffectComparison {
  /// Effects by kind; those of which there are none are left out.
  typealias Effects = [String: UInt64]

  let report: ExecutionReport
  let kernel: SimulatedKernel

  /// The claim and the truth, if they differ.
  var difference: String? {
    claimed == real ? nil : "claimed effects \(claimed), there are \(real)"
  }

  /// What the leftovers of the report stand for.
  private var claimed: Effects {
    report.leftovers.reduce(into: [:]) { effects, leftover in
      guard
        case .ioctl(_, let request, let arguments, _) = report.program.steps[leftover.step].action,
        let kind = Self.kinds[request.name]
      else { return }
      effects[kind, default: 0] += kind == "mapped" ? Self.length(request, arguments) : 1
    }
  }

  private static let kinds = [
    "IOMMU_IOAS_MAP": "mapped", "IOMMU_IOAS_MAP_FILE": "mapped", "VFIO_IOMMU_MAP_DMA": "mapped",
    "IOASID_MAP_DMA": "mapped", "VFIO_DEVICE_ATTACH_IOMMUFD_PT": "attached",
    "VFIO_ATTACH_IOASID": "attached", "KVM_SET_DEVICE_ATTR": "known to KVM",
    "KVM_ALLOW_INCOHERENT_DMA": "proofs", "IOASID_REGISTER_MEMORY": "registered",
  ]

  private static func length(_ request: RequestDescriptor, _ arguments: [Operand]) -> UInt64 {
    let index = request.operandFields.firstIndex { $0.name == "length" || $0.name == "size" }
    guard let index, case .literal(let bytes) = arguments[index] else { return 0 }
    return bytes
  }

  /// What there is.
  private var real: Effects {
    var effects: Effects = [:]
    for file in kernel.openFiles.all { Self.add(file, to: &effects) }
    let devices = kernel.host.devices
    effects["attached", default: 0] += UInt64(
      devices.count { $0.hwpt != nil || $0.ioasid != nil })
    return effects.filter { $0.value > 0 }
  }

  private static func add(_ file: SimulatedFile, to effects: inout Effects) {
    switch file {
    case let file as SimulatedIOMMUFD:
      for (_, object) in file.liveObjects {
        if case .ioas(let ioas) = object { effects["mapped", default: 0] += ioas.areas.byteCount }
      }
    case let file as SimulatedContainer: effects["mapped", default: 0] += file.areas.byteCount
    case let file as SimulatedIOASIDFile:
      for table in file.liveTables { effects["mapped", default: 0] += table.areas.byteCount }
      effects["registered", default: 0] += UInt64(file.registeredRanges)
    case let file as SimulatedVM:
      effects["known to KVM", default: 0] += UInt64(file.vfioDevice?.list.count ?? 0)
      effects["proofs", default: 0] += UInt64(file.allowances.count)
    default: break
    }
  }
}
