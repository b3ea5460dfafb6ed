import { expect } from 'chai';
import { RequestError } from '../../../lib/server/front/RequestError.js';
import { callerWith, serve } from '../../support/serve.js';
import type { Served, ServeOptions } from '../../support/serve.js';
import { tenantNamed, testRoutes } from './testRoutes.js';

const callers = {
  agent: callerWith(['decide']),
  reader: callerWith(['approvals:read'], { id: 'k2' }),
  admin: callerWith(['keys:admin'], { id: 'k3', tenantId: 'other' }),
  host: callerWith(['approvals:read'], { id: 'host:ann', kind: 'host' }),
};

const open = (over: Partial<ServeOptions> = {}): Promise<Served> =>
  serve({ routes: testRoutes(), callers, tenants: [tenantNamed('default'), tenantNamed('other')], ...over });

describe('A server of routes', () => {
  let served: Served;
  before(async () => {
    served = await open();
  });
  after(() => served.close());

  it('hands a request to its route, with caller, tenant, path, query and body', async () => {
    expect((await served.ask('POST', '/v1/decision', { key: 'agent', body: { a: 1 } })).json).to.deep.equal({
      query: {},
      body: '{"a":1}',
      caller: 'k1',
      tenant: 'default',
    });
    expect((await served.ask('GET', '/v1/decision/a%2Fb%20c/status', { key: 'agent' })).json).to.include({ id: 'a/b c' });
    expect((await served.ask('GET', '/v1/things?status=a%20b&limit=3', { key: 'reader' })).json).to.deep.include({
      query: { status: 'a b', limit: '3' },
      caller: 'k2',
    });
    const dropped = await served.ask('DELETE', '/v1/things/7', { key: 'admin' });
    expect([dropped.status, dropped.text, dropped.headers.get('content-length')]).to.deep.equal([204, '', null]);
    expect((await served.ask('GET', '/open')).json).to.deep.equal({ open: true });
    expect((await served.ask('GET', '/v1/stream', { key: 'agent' })).text).to.equal('data: 1\n\ndata: 2\n\n');
  });

  it('answers HEAD as GET, without the body', async () => {
    const head = await served.ask('HEAD', '/open');
    expect([head.status, head.text, head.headers.get('content-length')]).to.deep.equal([200, '', '13']);
    expect((await served.ask('HEAD', '/v1/stream', { key: 'agent' })).headers.get('content-type')).to.equal('text/event-stream');
  });

  it('echoes a request id of plain characters, and makes one for any other', async () => {
    const idOf = async (id: string): Promise<string | null> =>
      (await served.ask('GET', '/open', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('abc_DEF-123')).to.equal('abc_DEF-123');
    for (const odd of ['a b', 'x'.repeat(65), 'a/b', 'ä', '"']) expect(await idOf(odd)).to.match(/^[0-9a-f-]{36}$/);
    const { headers, json } = await served.ask('GET', '/nothing', { headers: { 'x-request-id': 'r-1' } });
    expect([headers.get('x-request-id'), json.request_id]).to.deep.equal(['r-1', 'r-1']);
  });

  it('answers errors as problem+json where that is asked for', async () => {
    const accepted = async (accept: string): Promise<string | null> =>
      (await served.ask('GET', '/nothing', { headers: { accept } })).headers.get('content-type');
    expect(await accepted('application/problem+json, application/json;q=0.5')).to.equal('application/problem+json');
    expect(await accepted('application/json')).to.equal('application/json');
    expect(await accepted('*/*')).to.equal('application/json');
  });

  const refused: readonly (readonly [string, string, string, Parameters<Served['ask']>[2], number, string])[] = [
    ['an unknown path', 'GET', '/v1/nothing', {}, 404, 'resource_not_found'],
    ['a slash at the end', 'GET', '/open/', {}, 404, 'resource_not_found'],
    ['two slashes', 'GET', '//open', {}, 404, 'resource_not_found'],
    ['another case', 'GET', '/Open', {}, 404, 'resource_not_found'],
    ['an encoded letter', 'GET', '/%6fpen', {}, 404, 'resource_not_found'],
    ['an empty id', 'GET', '/v1/decision//status', { key: 'agent' }, 404, 'resource_not_found'],
    ['a method that the path does not take', 'GET', '/v1/decision', { key: 'agent' }, 405, 'method_not_allowed'],
    ['OPTIONS, as a browser asks before it sends a key', 'OPTIONS', '/v1/decision', {}, 405, 'method_not_allowed'],
    ['half an escape in the path', 'GET', '/v1/decision/%e0%a4/status', { key: 'agent' }, 400, 'invalid_request'],
    ['no key', 'POST', '/v1/decision', { body: {} }, 401, 'invalid_api_key'],
    ['a wrong key', 'POST', '/v1/decision', { key: 'wrong', body: {} }, 401, 'invalid_api_key'],
    ['a key without the scope', 'POST', '/v1/decision', { key: 'reader', body: {} }, 403, 'scope_missing'],
    ['a key where only the operator of the host may', 'POST', '/v1/host', { key: 'admin', body: {} }, 403, 'scope_missing'],
    ['a parameter that the route does not take', 'GET', '/v1/things?statu=a', { key: 'reader' }, 400, 'invalid_request'],
    ['a parameter where there is none', 'GET', '/v1/decision/d/status?x', { key: 'agent' }, 400, 'invalid_request'],
    ['a parameter given twice', 'GET', '/v1/things?limit=1&limit=2', { key: 'reader' }, 400, 'invalid_request'],
    ['a body that the route does not take', 'DELETE', '/v1/things/7', { key: 'admin', body: {} }, 400, 'invalid_request'],
    ['a long path', 'GET', `/v1/things?status=${'x'.repeat(4_096)}`, { key: 'reader' }, 414, 'uri_too_long'],
    ['a large body', 'POST', '/v1/decision', { key: 'agent', body: `"${'x'.repeat(300_000)}"` }, 413, 'content_too_large'],
    ...[undefined, 'text/plain', 'application/json; charset=latin1', 'application/jsonx', 'multipart/form-data'].map(
      (type) =>
        [
          `a body of type ${type}`,
          'POST',
          '/v1/decision',
          { key: 'agent', body: '{}', headers: { 'content-type': type ?? '' } },
          415,
          'unsupported_media_type',
        ] as const,
    ),
    [
      'a compressed body',
      'POST',
      '/v1/decision',
      { key: 'agent', body: '{}', headers: { 'content-encoding': 'gzip' } },
      415,
      'unsupported_media_type',
    ],
  ];
  for (const [what, method, path, request, status, code] of refused)
    it(`refuses ${what} with ${status} ${code}`, async () => {
      const answer = await served.ask(method, path, request);
      expect([answer.status, answer.json.error]).to.deep.equal([status, code]);
      expect(answer.json.message).to.match(/[.?]$/);
    });

  it('says which methods a path takes', async () => {
    expect((await served.ask('PUT', '/v1/decision')).headers.get('allow')).to.equal('POST');
    expect((await served.ask('POST', '/open')).headers.get('allow')).to.equal('GET, HEAD');
  });

  it('takes JSON in UTF-8, however its type is spelt', async () => {
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/json ;charset="utf-8"'])
      expect((await served.ask('POST', '/v1/decision', { key: 'agent', body: '{}', headers: { 'content-type': type } })).status).to.equal(
        200,
      );
  });

  it('refuses a body that is not UTF-8', async () => {
    const answer = await fetch(`${served.url}/v1/decision`, {
      method: 'POST',
      headers: { 'x-api-key': 'agent', 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).to.deep.equal([400, 'invalid_request']);
  });

  it('lets the operator of the host in', async () => {
    expect((await served.ask('POST', '/v1/host', { key: 'host', body: {} })).json).to.include({ caller: 'host:ann' });
  });

  it('answers what a route throws, and nothing of an error that it does not know', async () => {
    const logged: object[] = [];
    const failing = await open({
      routes: testRoutes({
        decide: () => {
          throw new RequestError(409, 'invalid_request', 'It was decided already.', {
            field: 'id',
            retryAfterS: 1.2,
            headers: { 'x-more': 'a' },
          });
        },
        things: () => {
          throw new Error('password=canary');
        },
      }),
      logger: { debug() {}, info() {}, warn() {}, error: (fields) => logged.push(fields) },
    });
    const known = await failing.ask('POST', '/v1/decision', { key: 'agent', body: {} });
    expect(known.json).to.include({ error: 'invalid_request', title: 'Conflict', field: 'id' });
    expect([known.status, known.headers.get('retry-after'), known.headers.get('x-more')]).to.deep.equal([409, '2', 'a']);
    const unknown = await failing.ask('GET', '/v1/things', { key: 'reader' });
    expect([unknown.status, unknown.json.error]).to.deep.equal([500, 'policy_eval_failed']);
    expect(unknown.text + JSON.stringify(logged)).to.not.include('canary');
    expect(logged).to.have.length(1);
    expect(logged[0]).to.include({ route: 'things', tenant: 'default', error: 'Error' });
    await failing.close();
  });
});
