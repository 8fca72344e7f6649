import Parser

/// Writes a host description as JSON, in the form that the reader of descriptions takes.
///
/// For `vfioplan host` and for plan files alike. Ids, and what is 64 bits wide, are text in
/// hexadecimal; what has no value is left out.
public enum HostJSON {
  /// A whole description.
  public static func document(_ host: HostDescription) -> JSONWriter {
    var writer = JSONWriter()
    begin(host, units: host.iommus, to: &writer)
    // A plan file does without: no plan rests on it.
    if host.memory.isKnown {
      writer.key("memory")
      HostKeys.memory.write(host.memory, to: &writer)
    }
    writer.key("devices")
    writer.beginArray(.block)
    for device in host.devices { HostKeys.write(device, to: &writer) }
    writer.endArray()
    writer.endObject()
    writer.endText()
    return writer
  }

  /// Begins a description, up to its devices.
  static func begin(
    _ host: HostDescription, units: [HostIOMMU], to writer: inout JSONWriter
  ) {
    writer.beginObject(.block)
    writer.member("apiVersion", DescriptionReader.apiVersion)
    writer.member("kind", "Host")
    writer.member("name", host.name)
    var kernel = host.kernel
    kernel.processor.architecture = architecture(to: host, units)
    writer.key("kernel")
    HostKeys.kernel.write(kernel, to: &writer)
    writer.key("iommus")
    writer.beginArray(.block)
    for unit in units { HostKeys.unit.write(unit, to: &writer) }
    writer.endArray()
  }

  /// The architecture: where it is stated, and where the units that are written would
  /// lead to another conclusion than all of them.
  private static func architecture(
    to host: HostDescription, _ units: [HostIOMMU]
  ) -> HostProcessor.Architecture? {
    let stated = host.kernel.processor.architecture
    let isConcluded = HostDescription.architecture(of: units) == host.architecture
    return stated ?? (isConcluded ? nil : host.architecture)
  }
}

extension JSONWriter {
  /// Writes a member whose value is a fact: `true`, `false` or `"unknown"`.
  public mutating func member(_ name: StaticString, _ fact: Fact) {
    key(name)
    value(fact)
  }
}
