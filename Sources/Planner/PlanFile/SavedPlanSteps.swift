import Parser

extension SavedPlanWriter {
  /// Adds a run of elements of `steps` to what was written.
  func steps(_ run: Range<Int>, _ writer: consuming JSONWriter) -> JSONWriter {
    var steps = StepRun(
      writer: writer, results: compiled.program.results, lines: lines,
      linesOf: compiled.vm.$name.source)
    for index in run { steps.write(compiled.program.steps[index], number: index + 1) }
    return steps.writer
  }
}

/// Writes consecutive steps; what is the same for all steps of one request is prepared once.
///
/// The members of a step are written as prepared bytes rather than key by key: a plan for many
/// devices has more steps than anything else.
private struct StepRun: ~Copyable {
  var writer: JSONWriter
  let results: [ResultDefinition]
  let lines: LineTable?
  let linesOf: SourceID
  private var templates: [RequestTemplate] = []
  private var opening: OpeningTemplate?
  private var lastTemplate = 0
  private var lineHint = 0

  init(
    writer: consuming JSONWriter, results: [ResultDefinition], lines: LineTable?, linesOf: SourceID
  ) {
    self.writer = writer
    self.results = results
    self.lines = lines
    self.linesOf = linesOf
  }

  mutating func write(_ step: Step, number: Int) {
    writer.beginObject()
    writer.appendRaw("\"index\":")
    writer.appendDigits(UInt64(number))
    if case .ioctl(let file, let request, let arguments, let results) = step.action {
      write(ioctl: request, on: file, arguments, results)
    } else if case .open(let path, let file) = step.action {
      write(open: path, file, step)
    } else {
      write(step.action.parts)
    }
    if step.origin.source == linesOf { writeLine(of: step.origin.start) }
    writer.endObject()
  }

  private mutating func quote(_ text: String) {
    writer.appendRaw("\"")
    writer.appendText(text)
    writer.appendRaw("\"")
  }

  private mutating func quote(_ result: ResultID) {
    writer.appendRaw("\"")
    writer.appendText(results[Int(result.index)].name)
    writer.appendRaw("\"")
  }
}

// MARK: - Requests, and what is none

extension StepRun {
  private mutating func write(_ parts: StepParts) {
    writer.appendRaw(",\"call\":")
    quote(parts.verb.rawValue)
    if let receiver = parts.receiver {
      write(key: parts.verb == .expect ? "value" : "fd")
      quote(receiver)
    }
    for operand in parts.operands {
      write(key: operand.name)
      write(operand.value)
    }
    for result in parts.results {
      write(key: result.key)
      quote(result.id)
    }
    if let undo = parts.undo {
      write(key: "undo")
      quote(undo)
    }
  }

  private mutating func write(key: String) {
    writer.appendRaw(",\"")
    writer.appendText(key)
    writer.appendRaw("\":")
  }

  /// As above, of a step that most devices have one of.
  private mutating func write(open path: DevicePath, _ file: ResultID, _ step: Step) {
    let template = opening ?? OpeningTemplate(step.action.parts)
    opening = template
    writer.appendRaw(template.head)
    write(.node(path))
    writer.appendRaw(template.result)
    quote(file)
    writer.appendRaw(template.tail)
  }

  private mutating func write(
    ioctl request: RequestDescriptor, on file: ResultID, _ arguments: [Operand],
    _ results: [ResultID?]
  ) {
    let index = templateIndex(of: request)
    writer.appendRaw(",\"call\":\"ioctl\",\"fd\":")
    quote(file)
    writer.appendRaw(templates[index].head)
    var token: VFToken?
    if case .token(let given)? = arguments.last { token = given }
    let operands = arguments.prefix(templates[index].arguments.count)
    for (position, argument) in operands.enumerated() {
      writer.appendRaw(templates[index].arguments[position].key)
      if case .literal(let value) = argument {
        writer.appendRaw(templates[index].arguments[position].text(of: value))
      } else if case .address(let address) = argument, let token {
        // One text, as the kernel gets it.
        quote("\(address) \(request.optionalField?.name ?? "")=\(token)")
      } else {
        write(argument)
      }
    }
    if let token, case .structure = request.argument { write(token, of: request) }
    writer.appendRaw("},\"results\":{")
    var isFirst = true
    for (position, result) in results.enumerated() {
      guard let result else { continue }
      if !isFirst { writer.appendRaw(",") }
      isFirst = false
      writer.appendRaw(templates[index].results[position])
      quote(result)
    }
    writer.appendRaw(templates[index].tail)
  }

  /// Writes a token as a member, behind the flag that says that it is there.
  private mutating func write(_ token: VFToken, of request: RequestDescriptor) {
    guard let field = request.optionalField else { return }
    writer.appendRaw(",\"flags\":\"TOKEN\",\"")
    writer.appendText(field.name)
    writer.appendRaw("\":")
    quote(token.description)
  }

  private mutating func templateIndex(of request: RequestDescriptor) -> Int {
    if lastTemplate < templates.count, templates[lastTemplate].request === request {
      return lastTemplate
    }
    let known = templates.firstIndex { $0.request === request }
    lastTemplate = known ?? templates.count
    if known == nil { templates.append(RequestTemplate(request)) }
    return lastTemplate
  }
}

// MARK: - Values

extension StepRun {
  private mutating func write(_ value: StepOperand.Value) {
    switch value {
    case .node(.vfioDevice(let address)):
      // As `node` has it, but without a string for each device.
      writer.appendRaw("\"cdev(")
      writer.appendText(address)
      writer.appendRaw(")\"")
    case .node(let path): quote(path.node)
    case .number(let value): writer.append(value, width: 8)
    case .member(let operand, _, _), .operand(let operand), .bits(let operand): write(operand)
    case .word(let text), .name(let text): quote(text)
    }
  }

  /// A result by name, a number as it is.
  private mutating func write(_ operand: Operand) {
    switch operand {
    case .result(let result): quote(result)
    case .memory(let memory, let offset):
      writer.appendRaw("\"")
      writer.appendText(results[Int(memory.index)].name)
      if offset > 0 {
        writer.appendRaw("+")
        writer.appendHex(offset)
      }
      writer.appendRaw("\"")
    case .address(let address):
      writer.appendRaw("\"")
      writer.appendText(address)
      writer.appendRaw("\"")
    case .token(let token): quote(token.description)
    case .literal(let value): writer.append(value, width: 4)
    }
  }

  /// The line of an offset; consecutive steps tend to come from the same line or the next ones.
  private mutating func writeLine(of offset: UInt32) {
    guard let lines else { return }
    let starts = lines.lineStarts
    var line = lineHint
    while line < starts.count, starts[line] <= offset, line < lineHint + 8 { line += 1 }
    let isNear = line > lineHint && (line == starts.count || starts[line] > offset)
    lineHint = isNear ? line - 1 : lines.lineIndex(of: offset)
    writer.appendRaw(",\"line\":")
    writer.appendDigits(UInt64(lineHint + 1))
  }
}

extension StepResult {
  /// Its key in a step that makes a call other than a request.
  fileprivate var key: String { isReturned ? "result" : member }
}

/// What is written the same way for every step that opens a node: one operand, one result.
private struct OpeningTemplate {
  /// From after the number to before the node.
  let head: [UInt8]
  /// The key of the result.
  let result: [UInt8]
  /// From after the result to before the line.
  let tail: [UInt8]

  init(_ parts: StepParts) {
    head = bytes(",\"call\":\"", parts.verb.rawValue, "\",\"", parts.operands[0].name, "\":")
    result = bytes(",\"", parts.results[0].key, "\":")
    tail = parts.undo.map { bytes(",\"undo\":\"", $0, "\"") } ?? []
  }
}

/// Texts one after another, without a text of them all.
private func bytes(_ texts: String...) -> [UInt8] {
  var bytes: [UInt8] = []
  for text in texts { bytes += text.utf8 }
  return bytes
}

/// What is written the same way for every step of one request.
private struct RequestTemplate {
  struct Argument {
    let key: [UInt8]
    let role: Field.Role
    let width: Int
    /// The last number and how it is written; most arguments have the same in every step.
    private var last: (value: UInt64, text: [UInt8])?

    init(key: [UInt8], role: Field.Role, width: Int) {
      self.key = key
      self.role = role
      self.width = width
    }

    /// A named value by its names, else a number: of 64 bits as a string in hexadecimal, narrower
    /// ones as they are.
    mutating func text(of value: UInt64) -> [UInt8] {
      if let last, last.value == value { return last.text }
      var writer = JSONWriter(capacity: 64)
      var names: [String] = []
      if case .number(let constants) = role { names = constants.names(of: value) }
      if names.isEmpty {
        writer.append(value, width: width)
      } else {
        writer.string(names.joined(separator: "|"))
      }
      let text = writer.bytes
      last = (value, text)
      return text
    }
  }

  let request: RequestDescriptor
  /// From after the file to before the first argument.
  let head: [UInt8]
  var arguments: [Argument]
  /// The key of each result.
  let results: [[UInt8]]
  /// From after the last result to before the line.
  let tail: [UInt8]

  init(_ request: RequestDescriptor) {
    self.request = request
    head = bytes(
      ",\"request\":\"", request.name, "\",\"number\":\"",
      hexText(UInt64(request.code.command)), "\",\"args\":{")
    arguments = request.operandFields.enumerated().map { position, field in
      Argument(
        key: bytes(position > 0 ? ",\"" : "\"", field.name, "\":"), role: field.role,
        width: field.width)
    }
    results = request.resultFields.map { bytes("\"", $0.name, "\":") }
    tail = request.undo.name.map { bytes("},\"undo\":\"", $0, "\"") } ?? bytes("}")
  }
}

extension JSONWriter {
  fileprivate mutating func append(_ value: UInt64, width: Int) {
    if width < 8, value <= UInt64(UInt32.max) { return appendDigits(value) }
    appendRaw("\"")
    appendHex(value)
    appendRaw("\"")
  }
}
