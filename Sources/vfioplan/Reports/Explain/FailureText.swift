import Executor
import Parser
import Planner

/// What an errno means: of a request, or of whatever can give it.
struct FailureText {
  private let errno: Errno
  private let request: RequestDescriptor?

  /// Prepares the text of an errno.
  init(_ errno: Errno, of request: RequestDescriptor? = nil) {
    self.errno = errno
    self.request = request
  }

  /// The causes that are known, of the request or of each request that can fail so.
  private var causes: [(request: RequestDescriptor, meaning: String)] {
    var seen: Set<String> = []
    let requests = request.map { [$0] } ?? RequestRegistry.all.filter { $0.since != nil }
    return requests.flatMap { request in
      request.errnos.filter { $0.errno == errno }.map { (request, $0.meaning) }
    }.filter { seen.insert($0.request.name + $0.meaning).inserted }
  }

  /// Writes the causes, after what failed and what the C library says of the errno.
  func write(to page: inout TextPage, indent: Int = 0) {
    let what = request.map { "\($0.name): " } ?? ""
    let words = ErrnoText.words(errno)
    page.line(
      "\("\(what)\(errno)", .strong) (\(Int(errno.rawValue))), \(words)", indent: indent,
      hanging: 2)
    let causes = causes
    if causes.isEmpty { return page.line("\(ignorance)", indent: indent + 2) }
    if request != nil {
      for cause in causes { page.line("\(cause.meaning)", indent: indent + 2, hanging: 2) }
    } else {
      page.table(
        causes.map { ["\($0.request.name, .strong)", "\($0.meaning)"] }, indent: indent + 2)
    }
  }

  private var ignorance: String {
    guard let request else { return "no request of vfioplan's programs is known to fail so" }
    let others = Set(request.errnos.map(\.errno.description)).sorted()
    return "it is not known to fail so; with \(others.joined(separator: ", ")) it is"
  }

  /// The same for programs.
  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("errno", errno.description)
    writer.member("number", Int(errno.rawValue))
    writer.member("words", ErrnoText.words(errno))
    writer.objects("causes", of: causes) { cause, writer in
      writer.member("request", cause.request.name)
      writer.member("meaning", cause.meaning)
    }
    writer.endObject()
  }
}
