import { expect } from 'chai';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import { isOfTheApi, openApi } from '../../lib/server/route/openApi.js';
import type { OpenApiDocument } from '../../lib/server/route/openApi.js';
import type { Route } from '../../lib/server/route/Route.js';
import { AnswerCheck } from '../support/answerCheck.js';
import { routeTable } from '../support/servePlane.js';

const POLICIES = { text: '@id("none") forbid (principal, action, resource);' };

describe('The OpenAPI document', () => {
  it('in docs/ is what the server answers; after a wanted change: npm run api:update', async () => {
    const plane = createDataPlane({ policies: POLICIES });
    const served: unknown = await (await plane.fetch(new Request('http://localhost/openapi.json'))).json();
    await plane.close({ idleMs: 0 });
    expect(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))).to.deep.equal(served);
  });

  it('describes every route for programs, with its path, its parameters, its body and its answers', async () => {
    const table = routeTable().filter(isOfTheApi);
    const document = await openApi(table);
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).to.deep.equal(table.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).sort());
    for (const { method, path, name, summary, scope, request, query } of table) {
      const operation = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(operation).to.deep.include({ operationId: name, summary, 'x-aegis-scope': scope });
      expect(operation?.requestBody !== undefined, name).to.equal(request !== undefined);
      expect((operation?.parameters ?? []).length, name).to.equal((path.match(/:/g) ?? []).length + Object.keys(query ?? {}).length);
      expect(operation?.security, name).to.have.length(scope === 'none' ? 0 : scope === 'host' ? 1 : 3);
    }
  });

  it('has schemas that a validator of JSON schemas compiles', async () => {
    const document = await openApi(routeTable());
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
    ajv.addSchema(document, 'api');
    const schemas = pointersToSchemas(document);
    expect(schemas.length).to.be.greaterThan(20);
    for (const pointer of schemas) expect(ajv.compile({ $ref: `api#${pointer}` }), pointer).to.be.a('function');
  });
});

describe('The check of answers that specs make', () => {
  const route: Route = {
    method: 'GET',
    path: '/a/:id',
    name: 'a',
    summary: 'A.',
    scope: 'none',
    answers: { 200: v.strictObject({ n: v.number() }), 204: undefined },
    errors: ['own_code'],
    handle: () => ({ status: 200 }),
  };
  const fixed = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': 'r' };
  const json = { ...fixed, 'content-type': 'application/json' };
  const error = (code: string, status = 404): string =>
    JSON.stringify({ message: 'no', error: code, type: 'about:blank', title: 'No', status, request_id: 'r' });
  const cases: readonly (readonly [string, number, Record<string, string>, string, RegExp | undefined])[] = [
    ['an answer as described', 200, json, '{"n":1}', undefined],
    ['an answer without a body', 204, fixed, '', undefined],
    ['an error of the route', 404, json, error('own_code'), undefined],
    ['a field of another kind', 200, json, '{"n":"1"}', /n must be number/],
    ['a field that is not described', 200, json, '{"n":1,"m":2}', /additional properties/],
    ['a status that is not described', 201, json, '{}', /no such status/],
    ['a body that should not be there', 204, json, '{}', /there is no body/],
    ['another content type', 200, { ...json, 'content-type': 'text/html' }, '{"n":1}', /content type is text\/html/],
    ['an error that is not listed', 404, json, error('other_code'), /does not list the code other_code/],
    ['an error of another form', 404, json, '{"message":"no"}', /required property/],
    ['no request id', 200, { ...json, 'x-request-id': '' }, '{"n":1}', /x-request-id/],
    ['a header for other origins', 200, { ...json, 'access-control-allow-origin': '*' }, '{"n":1}', /lets other origins read/],
    ['an answer that may be kept', 200, { ...json, 'cache-control': 'public' }, '{"n":1}', /cache-control is public/],
  ];
  for (const [what, status, headers, text, fault] of cases)
    it(`${fault === undefined ? 'lets pass' : 'finds'} ${what}`, async () => {
      const check = await AnswerCheck.of([route]);
      check.see('GET', '/a/7', status, new Headers(headers), text);
      if (fault === undefined) check.done();
      else expect(() => check.done()).to.throw(fault);
    });
});

/** The pointer of each schema in the document. */
function pointersToSchemas(document: OpenApiDocument): string[] {
  const found: string[] = [];
  const visit = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const pointer = `${at}/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
      if (key === 'schema') found.push(pointer);
      else visit(inner, pointer);
    }
  };
  visit(document, '');
  return found;
}
