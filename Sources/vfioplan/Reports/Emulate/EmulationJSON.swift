import Executor
import Parser

/// What a program made of an emulated machine, for programs: `vfioplan.emulate/v1`.
struct EmulationJSON {
  private let report: EmulationReport
  private var record: EmulationRecord { report.record }

  /// Takes a report.
  init(_ report: EmulationReport) { self.report = report }

  /// The text.
  func bytes() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject(.block)
    writer.member("format", "vfioplan.emulate/v1")
    writer.member("host", report.host.name)
    writer.member("release", report.release)
    writer.member("command", report.command)
    writer.member("status", Int(report.status))
    if let state = record.state {
      writer.key("state")
      state.write(to: &writer)
    }
    writeCalls(to: &writer)
    if !record.transfers.isEmpty { writeTransfers(to: &writer) }
    if let mismatches = report.mismatches { writer.member("mismatches", mismatches) }
    writer.endObject()
    writer.endText()
    return writer.bytes
  }

  private func writeCalls(to writer: inout JSONWriter) {
    writer.key("calls")
    writer.beginArray(.block)
    for call in record.calls.sorted(by: { $0.name < $1.name }) {
      writer.beginObject()
      writer.member("request", call.name)
      writer.member("count", call.count)
      writer.endObject()
    }
    writer.endArray()
    writer.objects("failures", of: record.failures, .block) { failure, writer in
      writer.member("request", failure.request)
      writer.member("errno", failure.errno.description)
      writer.member("count", failure.count)
    }
  }

  private func writeTransfers(to writer: inout JSONWriter) {
    writer.objects("dma", of: record.transfers, .block) { transfer, writer in
      writer.member("device", transfer.request.device)
      writer.member("address", hex: transfer.request.address)
      writer.member("deed", transfer.request.isWrite ? "write" : "read")
      writer.member("count", transfer.request.count)
      if let fault = transfer.fault {
        writer.member("fault", fault.rawValue)
        if let address = transfer.faultAddress { writer.member("faultAddress", hex: address) }
      } else {
        Self.write(transfer, to: &writer)
      }
    }
  }

  private static func write(_ transfer: EmulatedTransfer, to writer: inout JSONWriter) {
    writer.member("bytes", hexDigits(transfer.bytes))
    writer.member("snooped", transfer.isSnooped)
    writer.objects("pieces", of: transfer.pieces) { piece, writer in
      writer.member("address", hex: piece.address)
      writer.member("count", piece.count)
    }
  }
}
