/// A key of a mapping: how its value is read, written, compared and documented.
///
/// An object, though a constant one once its table is made: all lists of objects are of one type,
/// where each list of structures is of a type of its own, which takes as long to make as ten keys.
final class Key<Subject>: @unchecked Sendable {
  /// Its name in files.
  let name: StaticString
  /// Whether a mapping must have it.
  private(set) var isRequired = false
  /// The keys that may stand in the place of one that a mapping must have.
  private(set) var substitutes: [StaticString] = []
  /// The key that it follows in plan files, if not the one before it in the table.
  private(set) var predecessor: StaticString?
  /// The key whose line it is a comment of in YAML.
  private(set) var commented: StaticString?
  /// Reads a value into a subject; `false`, reported, if it does not have the key's form.
  let read: @Sendable (YAMLTree.Node, inout NodeDecoder, inout Subject) -> Bool
  /// Writes key and value as JSON; nothing if there is no value.
  let write: @Sendable (Subject, inout JSONWriter) -> Void
  /// Whether two subjects have the same value.
  let isSame: @Sendable (Subject, Subject) -> Bool
  /// Makes the functions that most runs don't ask for: each is a piece of memory for each key.
  let more: @Sendable () -> More
  /// When a value that is not the same counts; `nil` if it never does.
  private(set) var pin: Pin?
  /// What differences say where there is no value; `nil` if nothing does.
  private(set) var unsaid: String?

  /// Describes a key whose value's place is kept.
  ///
  /// - Parameters:
  ///   - name: The key in files.
  ///   - form: What its value looks like.
  ///   - description: What it says, for schema and reference.
  ///   - get: The value in a subject; `nil` if the key is to be left out.
  ///   - put: Puts a value that was read, and its place, into a subject.
  @inline(__always)
  convenience init<Form: ValueForm>(
    _ name: StaticString, _ form: Form, _ description: String,
    get: @escaping @Sendable (Subject) -> Form.Value?,
    put: @escaping @Sendable (inout Subject, Form.Value, SourceSpan) -> Void
  ) {
    self.init(name, form, description, get: get) { node, decoder, subject in
      guard let value = form.read(node, &decoder) else { return false }
      put(&subject, value, decoder.tree.span(of: node))
      return true
    }
  }

  /// Describes a key whose value's place is not kept.
  @inline(__always)
  convenience init<Form: ValueForm>(
    _ name: StaticString, _ form: Form, _ description: String,
    get: @escaping @Sendable (Subject) -> Form.Value?,
    set: @escaping @Sendable (inout Subject, Form.Value) -> Void
  ) {
    self.init(name, form, description, get: get) { node, decoder, subject in
      guard let value = form.read(node, &decoder) else { return false }
      set(&subject, value)
      return true
    }
  }

  @inline(__always)
  private init<Form: ValueForm>(
    _ name: StaticString, _ form: Form, _ description: String,
    get: @escaping @Sendable (Subject) -> Form.Value?,
    read: @escaping @Sendable (YAMLTree.Node, inout NodeDecoder, inout Subject) -> Bool
  ) {
    self.name = name
    self.read = read
    write = { subject, writer in
      guard let value = get(subject) else { return }
      writer.key(name)
      form.write(value, to: &writer)
    }
    more = {
      More(
        schema: { form.schema.saying(description) }, yaml: { get($0).map(form.yaml) },
        lines: { get($0).flatMap(form.lines) }, shown: { get($0).map(form.shown) },
        isKnown: { get($0).map(form.isKnown) ?? false })
    }
    isSame = { one, other in
      guard let first = get(one), let second = get(other) else {
        return get(one) == nil && get(other) == nil
      }
      return form.isSame(first, second)
    }
  }
}

extension Key {
  /// What is asked of a key besides reading, writing and comparing.
  struct More {
    /// What schema and reference say.
    let schema: () -> JSONSchema
    /// The value as YAML on one line; `nil` if there is none.
    let yaml: (Subject) -> String?
    /// The value as YAML below the key; `nil` if it stands on the key's line, or if there is none.
    let lines: (Subject) -> [String]?
    /// The value in messages; `nil` if there is none.
    let shown: (Subject) -> String?
    /// Whether there is a value, and it is known.
    let isKnown: (Subject) -> Bool
  }

  /// Every mapping must have it, unless one of some others is there.
  func required(unless substitutes: StaticString...) -> Key {
    isRequired = true
    self.substitutes = substitutes
    return self
  }

  /// It counts where two hosts are compared.
  func pinned(_ rule: @escaping Pin.Rule = Pin.always, ofAssigned: Bool = false) -> Key {
    pin = Pin(counts: rule, isOfAssigned: ofAssigned)
    return self
  }

  /// Where it is left out, differences say a word for it.
  func saying(_ unsaid: String) -> Key {
    self.unsaid = unsaid
    return self
  }

  /// In plan files it follows another key than in the table.
  func following(_ name: StaticString) -> Key {
    predecessor = name
    return self
  }

  /// In YAML it is a comment on the line of another key.
  func commenting(on name: StaticString) -> Key {
    commented = name
    return self
  }
}

/// When a value counts that differs between two hosts.
///
/// The one that a plan's facts are of comes first.
struct Pin: Sendable {
  /// What is known on both sides.
  struct Sides {
    /// Whether the plan's host says it.
    let wasKnown: Bool
    /// Whether the other host says it.
    let isKnown: Bool
    /// Whether the plan's facts are those of a machine, not what somebody stated.
    let isSaved: Bool
  }

  /// Whether a difference counts.
  typealias Rule = @Sendable (Sides) -> Bool

  /// Whether it counts.
  let counts: Rule
  /// Whether only devices of the plan are asked, not their groups' other members.
  let isOfAssigned: Bool

  /// It always counts.
  static let always: Rule = { _ in true }
  /// It counts; what somebody stated only where both say it.
  static let ifStated: Rule = { $0.isSaved || $0.wasKnown && $0.isKnown }
  /// It counts where both say it.
  static let ifBothSay: Rule = { $0.wasKnown && $0.isKnown }
  /// It counts where the plan's host says it.
  static let ifSaid: Rule = { $0.wasKnown }
  /// It counts where the plan's host says it; what somebody stated only where both do.
  static let ifSaidAndStated: Rule = { $0.wasKnown && ($0.isSaved || $0.isKnown) }
  /// It counts where the other host says it; what somebody stated only where both do.
  static let ifStillSaid: Rule = { $0.isKnown && ($0.isSaved || $0.wasKnown) }
  /// It counts of facts that were saved.
  static let ifSaved: Rule = { $0.isSaved }
}
