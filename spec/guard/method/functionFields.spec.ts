import { runInThisContext } from 'node:vm';
import { expect } from 'chai';
import { functionFields } from '../../../lib/guard/method/functionFields.js';

/** A class or constructor from its text, as a compiler or a person may have written it. */
const typeOf = (text: string): object =>
  runInThisContext(`((Base, guard, make) => (${text}))`)(
    class {},
    (f: object) => f,
    () => {},
  ) as object;
const fieldsOf = (text: string): string[] => [...functionFields(typeOf(text))].sort();

describe('The function fields of a class', () => {
  const found: Readonly<Record<string, string>> = {
    'an arrow function': 'class A extends Base { drop = async (t) => { this.x = 1; }; }',
    'an arrow function with one parameter': 'class A { drop = t => t; }',
    'an async arrow function with one parameter': 'class A { drop = async t => t }',
    'a function': 'class A { drop = function () {}; }',
    'an async function': 'class A { drop = async function* () {}; }',
    'a function in parentheses': 'class A { drop = ((async () => 1)); }',
    'a quoted name': "class A { 'drop' = () => 1; }",
    'a computed name': 'class A { ["drop"] = () => 1; }',
    'after another field without semicolon': 'class A {\n one = 1\n drop = () => 1\n}',
    'after a field of several lines': 'class A {\n one = [1]\n   .map((x) => x)\n  drop = () => 1\n}',
    'after a field without value': 'class A { one; drop = () => 1; }',
    'after methods, accessors, blocks and private members':
      'class A { #p = 1; static { this.a = () => 1; } async *m(a = { b: 1 }) { if (a) {} } get g() { return { c: 1 }; } static s() {} [Symbol.iterator]() {} drop = () => 1; }',
    'after texts, templates, comments and regular expressions that hold brackets':
      'class A { a = "}"; b = \'{\\\'\'; c = `}${ { x: `}` }.x + `\\`}` }{ $`; /* } */ d = /[}/]\\/{/g.test("x") ? 4 / 2 / 1 : 3; // }\n m() { return /}/; } drop = () => 1; }',
    'after what looks like a regular expression, but divides': 'class A { m(a) { return a++ / 2; } drop = () => 1; }',
    'a class that extends what a call returns': 'class A extends (() => class {})({ a: {} }) { drop = () => 1; }',
    'a field of several, the last without semicolon': 'class A { one = make({ a: 1 }); drop = () => 1 }',
    'set in the constructor': 'class A { constructor() { this.drop = async () => 1; } }',
    'set by its text in the constructor': 'class A { constructor() { this["drop"] = function () {}; } }',
    'defined in the constructor':
      'class A { constructor() { Object.defineProperty(this, "drop", { enumerable: false, value: async () => 1 }); } }',
    'defined as a method of a descriptor': 'class A { constructor() { Object.defineProperty(this, "drop", { async value() {} }); } }',
    'set by a compiler': 'class A { constructor() { make(this, "drop", async () => 1); } }',
    'assigned with others': 'class A { constructor() { Object.assign(this, { one: [1], "drop": async () => 1, two: { x: () => 1 } }); } }',
    'assigned as a method': 'class A { constructor() { Object.assign(this, { async drop() {} }); } }',
    'in a constructor from before there were classes': 'function A() { this.drop = function () {}; }',
    'beside functions and classes of the constructor':
      'class A { constructor() { function f() { this.one = () => 1; } class B { two = () => 1; } if (f) { this.drop = () => 1; } } }',
  };
  for (const [name, text] of Object.entries(found)) it(`are found: ${name}`, () => expect(fieldsOf(text)).to.deep.equal(['drop']));

  const others: Readonly<Record<string, string>> = {
    'a field that a call makes, which may guard': 'class A { drop = guard(async () => 1); }',
    'a method that is bound': 'class A { drop = this.drop?.bind(this); f = () => drop; constructor() { this.drop = this.f; } }'.replace(
      'f = () => drop; ',
      '',
    ),
    'a static field': 'class A { static drop = () => 1; }',
    methods: 'class A { drop(f = () => 1) {} async other() {} static constructor() { this.drop = () => 1; } }',
    'what a method sets': 'class A { reset() { this.drop = () => 1; } }',
    'a comparison': 'class A { constructor() { if (this.drop === (() => 1) || this.drop == 1) {} this.drop; } }',
    'what is passed on': 'class A { constructor() { make(this, "drop", guard(() => 1)); make(1, this, () => 1); make(this); } }',
    'a name that is computed elsewhere': 'class A { constructor() { const k = "drop"; this[k + ""] = () => 1; } }',
    'no function at all': 'class A { one = 1; }',
    'an async call': 'class A { drop = async(() => 1); }',
    'a conditional': 'class A { drop = make ? make() : () => 1; }',
    'accessors of an object': 'class A { constructor() { Object.defineProperty(this, "drop", { get: () => 1 }); } }',
    'a field that is set to what a parenthesis gives': 'class A { drop = (make(() => 1)); }',
  };
  for (const [name, text] of Object.entries(others)) it(`are not: ${name}`, () => expect(fieldsOf(text)).to.deep.equal([]));

  it('are looked for to the end, and no further, where the brackets of a text seem not to match', () => {
    // a slash after a parenthesis divides, as far as can be seen without parsing all of it
    const odd = ['[{]', '[(]', '[[]', '[}]', '[)]', '`', '`${', '`${`', '`${{', '`}', '`\\\\'];
    const bodies = ['m(a) { if (a) /_/.test(a); }', 'constructor(a) { if (a) /_/.test(a); }', 'one = (a) => { if (a) /_/.test(a) }'];
    for (const pattern of odd)
      for (const body of bodies) {
        const text = body.replace('_', () => pattern);
        const fields = fieldsOf(`class A { drop = () => 1; ${text} }`);
        expect(fields, text).to.include('drop');
        expect(
          fields.filter((name) => !['drop', 'one'].includes(name)),
          text,
        ).to.deep.equal([]);
      }
    for (const pattern of odd)
      expect(fieldsOf(`function A(a) { this.drop = () => 1; if (a) /${pattern}/.test(a); }`), pattern).to.deep.equal(['drop']);
  });

  it('are not looked for in a native function or a very long text', () => {
    expect([...functionFields(Map)]).to.deep.equal([]);
    expect(fieldsOf(`class A { drop = () => 1; /* ${'x'.repeat(1_000_000)} */ }`)).to.deep.equal([]);
  });

  it('are read once for each class', () => {
    const type = typeOf('class A { drop = () => 1; }');
    expect(functionFields(type)).to.equal(functionFields(type));
  });
});
