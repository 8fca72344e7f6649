import Foundation
import Parser
import TestSupport
import Testing

struct DiagnosticJSONTests {
  private static let code = DiagnosticCode("VP9999", .warning, "a test", "for tests")

  @Test func aFindingHasEveryKeyOfTheContractPlacesAreCountedInCharacters() throws {
    let file = SourceFile(id: .vm, name: "vm.yaml", text: "a: 1\nß: \"x\"\n")
    let span = SourceSpan(source: .vm, start: 9, end: 12)
    let finding = Diagnostic(
      Self.code, "say \"x\"", at: span, notes: [.init("here", span), .init("a fact")])
    let bytes = DiagnosticJSON.text([finding], files: [file])
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(
      text == """
        [
          {"code":"VP9999","severity":"warning","message":"say \\"x\\"","file":"vm.yaml",\
        "line":2,"column":4,"endLine":2,"endColumn":7,"notes":[\
        {"message":"here","file":"vm.yaml","line":2,"column":4,"endLine":2,"endColumn":7},\
        {"message":"a fact","file":null,"line":null,"column":null,"endLine":null,\
        "endColumn":null}],"help":null}
        ]

        """)
    #expect(try JSONSerialization.jsonObject(with: Data(bytes)) is [Any])
  }

  @Test func noFindingsAreAnEmptyArray() {
    #expect(DiagnosticJSON.text([], files: []) == Array("[]\n".utf8))
  }
}
