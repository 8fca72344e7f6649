import Executor
import Parser
import Planner

/// What a request is, for people and for programs that want to check it against the headers.
struct RequestText {
  private let request: RequestDescriptor

  /// Prepares the text of a request.
  init(_ request: RequestDescriptor) { self.request = request }

  /// Writes number, members, undo and errnos of the request.
  func write(to page: inout TextPage) {
    page.line("\(request.name, .strong) (\(number)): \(request.summary)", hanging: 2)
    page.blank()
    page.line("on \(String(describing: request.receiver)), since \(request.source)", indent: 2)
    page.line(StyledText("undone by " + undo), indent: 2, hanging: 2)
    if let layout {
      page.heading(
        "struct \(layout.name), \(layout.size) bytes, of which \(layout.sentSize) are sent")
      page.table(layout.fields.map(row))
    }
    if !request.errnos.isEmpty {
      page.heading("How it fails")
      page.table(
        request.errnos.map { ["\($0.errno.description, .error)", StyledText($0.meaning)] })
    }
  }

  /// Writes the request as an object.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("request", request.name)
    writer.member("number", hex: UInt64(request.code.command), digits: 4)
    writer.member("receiver", String(describing: request.receiver))
    writer.member("source", request.source)
    writer.member("summary", request.summary)
    if let layout {
      writer.key("argument")
      Self.write(layout, to: &writer)
    }
    writer.endObject()
  }

  private var number: String { hexText(UInt64(request.code.command)) }

  private var layout: StructLayout? {
    if case .structure(let layout) = request.argument { layout } else { nil }
  }

  private var undo: String {
    switch request.undo {
    case .nothing(let reason): "nothing: \(reason)"
    case .closeResult: "closing the file it opens"
    case .request(let undo): undo.name
    }
  }

  private func row(_ field: Field) -> [StyledText] {
    let direction =
      switch field.direction {
      case .input: "in"
      case .output: "out"
      case .inOut: "in, out"
      }
    let isReserved = field.role == .reserved
    return [
      "\(field.name, .strong)", "at \(field.offset)", "\(counted(field.width, "byte"))",
      isReserved ? "zero" : "\(direction)",
    ]
  }

  private static func write(_ layout: StructLayout, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("struct", layout.name)
    writer.member("size", layout.size)
    writer.member("sent", layout.sentSize)
    writer.objects("members", of: layout.fields) { field, writer in
      writer.member("name", field.name)
      writer.member("offset", field.offset)
      writer.member("width", field.width)
      if case .buffer(let inner) = field.role {
        writer.key("pointsTo")
        write(inner, to: &writer)
      }
    }
    writer.endObject()
  }
}
