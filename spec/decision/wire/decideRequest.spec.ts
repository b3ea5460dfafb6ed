import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { readDecideRequest, writeDecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import type { DecideRequest } from '../../../lib/decision/wire/decideRequest.js';
import { wireForm } from '../../../lib/decision/wire/readWire.js';
import { BadRequestError } from '../../../lib/model/errors/ServiceErrors.js';
import { everythingShownOf, remoteRequest } from '../../support/remoteRequest.js';
import { someIdText, someParams, someToolName } from './wireValues.js';

const SECRET = 'request-canary-31';
const DIGEST = 'a'.repeat(64);

const body = (over: object = {}): string =>
  JSON.stringify({ agent_id: 'bot', tool: { name: 'pay', params: { amount: 1 } }, session: null, ...over });

function refusal(text: string, headers: Record<string, string> = {}): BadRequestError {
  try {
    readDecideRequest(new Headers(headers), text);
  } catch (error) {
    expect(error).to.be.instanceOf(BadRequestError);
    return error as BadRequestError;
  }
  return expect.fail(`it was read: ${text}`);
}

describe('A request for a decision', () => {
  it('is read by a server as its client wrote it', () => {
    const property = fc.property(
      fc.record({ agentId: someIdText, toolName: someToolName, params: someParams, session: fc.option(someParams) }),
      (fields) => {
        const request = remoteRequest({ ...fields, paramsDigest: canonicalDigest(fields.params) });
        const { headers, body: text } = writeDecideRequest(request, true);
        const read = readDecideRequest(new Headers(headers), text);
        expect({ ...read, firstNull: undefined }).to.deep.equal({
          agentId: request.agentId,
          toolName: request.toolName,
          params: wireForm(request.params) as DecideRequest['params'],
          session: wireForm(request.session) as DecideRequest['session'],
          firstNull: undefined,
          idempotencyKey: request.callId,
          nonce: request.callId,
          paramsDigest: request.paramsDigest,
          bindingBase: request.bindingBase,
          capabilities: new Set(['effective-digest']),
          knowsTypes: false,
          guardKey: request.toolName,
          removable: [],
          opaque: [],
          approvalTimeoutMs: undefined,
        } satisfies DecideRequest);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('is read from a client that sends no headers beyond the hosted protocol', () => {
    const read = readDecideRequest(new Headers(), body({ session: { user_id: 'ann' } }));
    expect(read).to.deep.equal({
      agentId: 'bot',
      toolName: 'pay',
      params: { amount: 1 },
      session: { user_id: 'ann' },
      firstNull: undefined,
      idempotencyKey: undefined,
      nonce: undefined,
      paramsDigest: undefined,
      bindingBase: undefined,
      knowsTypes: false,
      capabilities: new Set(),
      guardKey: 'pay',
      removable: [],
      opaque: [],
      approvalTimeoutMs: undefined,
    });
    expect([read, read.params, read.session, read.removable, read.opaque].every((value) => Object.isFrozen(value))).to.equal(true);
  });

  it('says where its first null is', () => {
    expect(readDecideRequest(new Headers(), body({ tool: { name: 'pay', params: { a: [1, null] } } })).firstNull).to.equal('/a/1');
  });

  it('is not written with ids that no header can carry', () => {
    for (const over of [{ callId: '' }, { callId: 'a\r\nb' }, { callId: 'x'.repeat(513) }, { paramsDigest: 'ü' }, { bindingBase: '' }])
      expect(() => writeDecideRequest(remoteRequest(over), true)).to.throw(BadRequestError, `\`${Object.keys(over)[0]}\``);
  });

  const malformed: readonly (readonly [what: string, text: string, place: string])[] = [
    ['no JSON', SECRET, 'not valid JSON'],
    ['nothing', '', 'not valid JSON'],
    ['NaN, as some writers of JSON say it', body().replace('1', 'NaN'), 'not valid JSON'],
    ['null', 'null', 'at the request'],
    ['a list', `[${body()}]`, 'at agent_id'],
    ['a byte order mark', `\ufeff${body()}`, 'not valid JSON'],
    ['a key twice', body().replace('"session"', '"agent_id":"other","session"'), 'twice'],
    ['a key twice in params', body().replace('"amount":1', '"amount":1,"\\u0061mount":2'), 'twice'],
    ['a key __proto__', body().replace('"amount"', '"__proto__"'), '__proto__'],
    ...['agent_id', 'tool', 'session'].map((key) => [`no ${key}`, body({ [key]: undefined }), `at ${key}`] as const),
    ['a field that the protocol does not have', body({ mode: SECRET }), 'at mode'],
    ['a field of tool that the protocol does not have', body({ tool: { name: 'pay', params: {}, group: SECRET } }), 'at tool.group'],
    ['an empty agent_id', body({ agent_id: '' }), 'at agent_id'],
    ['a long agent_id', body({ agent_id: SECRET.repeat(30) }), 'at agent_id'],
    ['a number as agent_id', body({ agent_id: 7 }), 'at agent_id'],
    ['text as tool', body({ tool: SECRET }), 'at tool'],
    ['no tool.name', body({ tool: { params: {} } }), 'at tool.name'],
    ['a tool name with a space', body({ tool: { name: 'pay out', params: {} } }), 'at tool.name'],
    ['no tool.params', body({ tool: { name: 'pay' } }), 'at tool.params'],
    ['null as params', body({ tool: { name: 'pay', params: null } }), 'at tool.params'],
    ['a list as params', body({ tool: { name: 'pay', params: [SECRET] } }), 'at tool.params'],
    ['text as session', body({ session: SECRET }), 'at session'],
    ['a list as session', body({ session: [SECRET] }), 'at session'],
    ['a reserved key', body({ tool: { name: 'pay', params: { a: { __entity: SECRET } } } }), 'at tool.params/a/__entity'],
    ['a reserved key in the session', body({ session: { constructor: SECRET } }), 'at session/constructor'],
    ['a number that is not finite', body().replace('1', '1e999'), 'at tool.params/amount'],
    ['an integer that JSON.parse rounds', body().replace('1', '9007199254740993'), 'more digits'],
    ['a negative one', body().replace('1', '-12345678901234567891'), 'more digits'],
    ['one of 400 digits', body().replace('1', '1'.repeat(400)), 'more digits'],
    ['params that are too large', body({ tool: { name: 'pay', params: { a: 'x'.repeat(300_000) } } }), 'at tool.params'],
    ['params that are too deep', body().replace('1', `${'['.repeat(40)}${']'.repeat(40)}`), 'at tool.params'],
  ];
  for (const [what, text, place] of malformed) {
    it(`with ${what} is refused, naming the place and never what was there`, () => {
      const error = refusal(text);
      expect(error).to.include({ code: 'invalid_request' });
      expect(error.message)
        .to.contain(place)
        .and.match(/^The request is malformed/);
      expect(everythingShownOf(error)).to.not.contain(SECRET);
    });
  }

  it('with a reserved key under a long one is refused without a place: a message stays short', () => {
    const at = (length: number): string => refusal(body({ session: { ['k'.repeat(length)]: { __extn: SECRET } } })).message;
    // the pointer to it has 200 characters: those of the keys, and a slash before each
    expect(at(192)).to.contain(`at session/${'k'.repeat(192)}/__extn: expected`);
    expect(at(193)).to.match(/^The request is malformed at session: expected /);
  });

  it('is read with integers that JSON.parse does not round, and with digits in texts and fractions', () => {
    for (const number of [
      '9007199254740992',
      '1152921504606846976',
      '1152921504606847000',
      '0.12345678901234567',
      '1e21',
      '-1234567890123456',
    ]) {
      const { params } = readDecideRequest(new Headers(), body().replace('1', number));
      expect(params).to.deep.equal({ amount: Number(number) });
    }
    const text = '12345678901234567891 "\\" 12345678901234567891';
    expect(readDecideRequest(new Headers(), body({ session: { text } })).session).to.deep.equal({ text });
  });

  const headers: readonly (readonly [string, string])[] = [
    ['Idempotency-Key', 'a b'],
    ['Idempotency-Key', 'x'.repeat(513)],
    ['X-AEGIS-NONCE', ''],
    ['X-AEGIS-NONCE', 'one, two'],
    ['X-AEGIS-PARAMS-DIGEST', DIGEST.slice(1)],
    ['X-AEGIS-PARAMS-DIGEST', DIGEST.toUpperCase()],
    ['X-AEGIS-PARAMS-DIGEST', `${DIGEST}, ${DIGEST}`],
    ['X-AEGIS-CAPABILITIES', ''],
    ['X-AEGIS-CAPABILITIES', 'effective-digest,'],
    ['X-AEGIS-CAPABILITIES', 'effective-digest, effective-digest'],
    ['X-AEGIS-CAPABILITIES', 'Effective-Digest'],
    ['X-AEGIS-CAPABILITIES', Array.from({ length: 33 }, (_, i) => `c${i}`).join(',')],
  ];
  for (const [name, value] of headers) {
    it(`with the header ${name}: ${value.slice(0, 40)} is refused by the header's name`, () => {
      expect(refusal(body(), { [name]: value }).message).to.match(new RegExp(`^The header ${name} is malformed: `));
    });
  }

  it('says what its guard is called, which params are left out or may be removed, and how long it waits', () => {
    const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const read = readDecideRequest(
      new Headers({
        'X-AEGIS-GUARD-KEY': json('zahlen/öffnen'),
        'X-AEGIS-REMOVABLE': json(['amount', 'größe 大']),
        'X-AEGIS-OPAQUE': json(['file']),
        'X-AEGIS-APPROVAL-TIMEOUT-S': '90',
      }),
      body(),
    );
    expect(read).to.deep.include({
      guardKey: 'zahlen/öffnen',
      removable: ['amount', 'größe 大'],
      opaque: ['file'],
      approvalTimeoutMs: 90_000,
    });
  });

  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const moreHeaders: readonly (readonly [string, string])[] = [
    ...['', '0', '-1', '1.5', '01', '1e3', '12345678901'].map((text) => ['X-AEGIS-APPROVAL-TIMEOUT-S', text] as const),
    ...[encoded(''), encoded('x'.repeat(257)), encoded(7), encoded(['a']), 'pay'].map((text) => ['X-AEGIS-GUARD-KEY', text] as const),
    ...[encoded('a'), encoded({ a: 1 }), encoded(['a', 'a']), encoded([1]), encoded(['x'.repeat(257)]), '', '%', 'WyJhIl0='].map(
      (text) => ['X-AEGIS-REMOVABLE', text] as const,
    ),
    ['X-AEGIS-REMOVABLE', encoded(Array.from({ length: 1_001 }, (_, i) => i.toString(36)))],
    ['X-AEGIS-OPAQUE', `${encoded(['a'])}, ${encoded(['b'])}`],
    ['X-AEGIS-OPAQUE', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]).toString('base64url')],
    ['X-AEGIS-OPAQUE', Buffer.from('\ufeff["a"]').toString('base64url')],
    ['X-AEGIS-TYPES', encoded([])],
    ['X-AEGIS-TYPES', encoded({ '/params/amount': 'number' })],
    ['X-AEGIS-TYPES', Buffer.from('{"/params/a":"date","/params/\\u0061":"date"}').toString('base64url')],
    ['X-AEGIS-TYPES', 'A'.repeat(8_200)],
  ];
  for (const [name, value] of moreHeaders) {
    it(`with the header ${name}: ${value.slice(0, 40)} is refused by the header's name`, () => {
      expect(refusal(body(), { [name]: value }).message).to.match(new RegExp(`^The header ${name} is malformed: `));
    });
  }

  it('with an opaque param that it has all the same is refused', () => {
    expect(refusal(body(), { 'X-AEGIS-OPAQUE': encoded(['amount']) }).message).to.contain(
      'at tool.params: a param in it is listed as opaque (X-AEGIS-OPAQUE)',
    );
  });

  it('has a list of capabilities, in any spacing', () => {
    const read = readDecideRequest(new Headers({ 'X-AEGIS-CAPABILITIES': 'effective-digest ,\tconsume,types' }), body());
    expect([...read.capabilities]).to.deep.equal(['effective-digest', 'consume', 'types']);
  });

  it('is read as JSON says or refused, however it is mutated', function () {
    this.timeout(30_000);
    const whole = body({ session: { user_id: 'ann' } });
    const bit = fc.constantFrom('"', '{', '}', ',', ':', '[', ']', '\\', 'null', '0', '1e999', ' ', '\u0000', '"a":', '"tool":', '\ud800');
    let read = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length), fc.nat(8), bit), { minLength: 1, maxLength: 3 }), (edits) => {
        let text = whole;
        for (const [at, cut, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + cut);
        let request: DecideRequest;
        try {
          request = readDecideRequest(new Headers(), text);
        } catch (error) {
          expect(error, text).to.be.instanceOf(BadRequestError);
          return;
        }
        read += 1;
        const { agentId, toolName, params, session } = request;
        expect({ agent_id: agentId, tool: { name: toolName, params }, session }).to.deep.equal(JSON.parse(text));
      }),
      { numRuns: 10_000 },
    );
    expect(read).to.be.above(100);
  });
});
