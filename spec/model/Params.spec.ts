import { expect } from 'chai';
import { FORBIDDEN_KEYS, TOOL_NAME, pointer } from '../../lib/model/Params.js';

describe('TOOL_NAME', () => {
  for (const name of ['a', 'slack.post_message', 'mcp:server/tool-1', 'A'.repeat(128)])
    it(`takes ${name.slice(0, 30)}`, () => expect(TOOL_NAME.test(name)).to.equal(true));
  for (const name of ['', 'A'.repeat(129), 'a b', 'a\n', '\na', 'é', 'a"b', 'a;b', 'a\u0000', '::`', 'a*'])
    it(`refuses ${JSON.stringify(name.slice(0, 30))}`, () => expect(TOOL_NAME.test(name)).to.equal(false));
});

describe('FORBIDDEN_KEYS', () => {
  it("are those that reach a prototype, and escapes of Cedar's JSON", () => {
    expect([...FORBIDDEN_KEYS]).to.deep.equal(['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr']);
  });
});

describe('pointer', () => {
  for (const [key, expected] of [
    ['a', '/x/a'],
    ['', '/x/'],
    ['a/b', '/x/a~1b'],
    ['~1', '/x/~01'],
    ['~/', '/x/~0~1'],
  ] as const)
    it(`appends ${JSON.stringify(key)} as ${expected}`, () => expect(pointer('/x', key)).to.equal(expected));
});
