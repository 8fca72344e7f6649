import Parser

/// The cards of a host that words pick, and what is said where that is not one.
struct CardChoice {
  private let fitting: [HostCard]
  private let filter: HostFilter
  private let names: PCINames
  private let words: [String]

  /// Picks cards with a device that all words fit.
  init(_ cards: [HostCard], _ filter: HostFilter, _ names: PCINames, _ words: [String]) {
    fitting = cards.filter { $0.devices.contains(where: filter.fits) }
    self.filter = filter
    self.names = names
    self.words = words
  }

  /// The one card that fits or, if all are wanted, those that can be given, and the others.
  func cards(
    isAll: Bool, of host: HostDescription
  ) throws(CommandFailure) -> (taken: [HostCard], leftOut: [HostCard]) {
    if fitting.isEmpty {
      throw .noSuchDevice(words, classes: HostText.classes(of: host))
    }
    if !isAll, fitting.count > 1 { throw several }
    let taken = fitting.filter(\.canBeGiven)
    if taken.isEmpty { throw noneToGive }
    return (taken, fitting.filter { !$0.canBeGiven })
  }

  private var several: CommandFailure {
    CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.severalCards,
          "\(fitting.count) cards of the host fit\(request)", at: nil, notes: notes,
          help: "say more words, such as \(example), or take all that can be given with --all")
      ], .cannotCompile)
  }

  private var noneToGive: CommandFailure {
    let what = fitting.count == 1 ? "the card that fits" : "none of the \(fitting.count) that fit"
    return CommandFailure(
      [
        Diagnostic(
          CommandDiagnostics.noCardToGive,
          "\(what)\(request) can\(fitting.count == 1 ? "'t" : "") be given to a VM", at: nil,
          notes: notes, help: "'vfioplan host' shows what can be given, and what is in the way")
      ], .hostUnable)
  }

  private var request: String {
    words.isEmpty ? "" : " " + words.map(QuotedText.quote).joined(separator: " and ")
  }

  /// A word that only the first card that can be given fits.
  private var example: String {
    let card = fitting.first(where: \.canBeGiven) ?? fitting.first
    return card.map { "'\(asked(of: $0).address)'" } ?? "an address"
  }

  private var notes: [Diagnostic.Note] {
    fitting.map { Diagnostic.Note($0.line(names, about: asked(of: $0))) }
  }

  private func asked(of card: HostCard) -> HostDevice {
    card.devices.first(where: filter.fits) ?? card.devices[0]
  }
}
