import Planner

/// What a line of text is about that a kernel, QEMU, libvirt or strace printed.
struct LineTopics {
  /// At most so many lines that fit are explained.
  private static let limit = 3

  private let text: String

  /// Looks at a line.
  init(_ text: String) { self.text = text }

  private var errno: Errno? { ErrnoText.errno(in: text) }

  /// The lines that fit, the one first that accounts for most of it.
  var printed: [Topic] {
    let lines = lines.prefix(Self.limit)
    if lines.isEmpty { return [] }
    let errno = errno
    return lines.map { .line($0, errno) }
  }

  /// The lines that fit; else the requests that are named, and how they failed; else the errno.
  var topics: [Topic] {
    let printed = printed
    if !printed.isEmpty { return printed }
    let requests = requests
    guard let errno else { return requests }
    if requests.isEmpty { return [.errno(errno)] }
    return requests.map { topic in
      switch topic {
      case .request(let request): .failure(request, errno)
      case .other(let request): .otherFailure(request, errno)
      default: topic
      }
    }
  }

  private var lines: [PrintedLine] {
    let bytes = Array(text.lowercased().utf8)
    return PrintedLine.all.enumerated()
      .compactMap { index, line in line.weight(in: bytes).map { (index, line, weight: $0) } }
      .sorted { ($1.weight, $0.0) < ($0.weight, $1.0) }.map(\.1)
  }

  /// Requests by name; by number only where it is said to be an ioctl's.
  private var requests: [Topic] {
    let isCall = text.lowercased().contains("ioctl")
    let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    var found: [Topic] = []
    for word in words where word.contains("_") || isCall && word.lowercased().hasPrefix("0x") {
      for topic in Topic.topics(of: String(word)) ?? [] where !found.contains(topic) {
        switch topic {
        case .request, .other: found.append(topic)
        default: break
        }
      }
    }
    return found
  }
}
