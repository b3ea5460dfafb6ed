import { expect } from 'chai';
import * as v from 'valibot';
import { RouteTable } from '../../../lib/server/dispatch/RouteTable.js';
import type { Route } from '../../../lib/server/route/Route.js';

const route = (method: Route['method'], path: string, name: string = `${method} ${path}`): Route => ({
  method,
  path,
  name,
  summary: '',
  scope: 'none',
  answers: { 200: v.unknown() },
  handle: () => ({ status: 200 }),
});

describe('The table of routes', () => {
  const table = new RouteTable([
    route('GET', '/a'),
    route('POST', '/a'),
    route('GET', '/a/:id'),
    route('DELETE', '/a/:id'),
    route('GET', '/a/fixed'),
    route('GET', '/a/:id/b'),
    route('POST', '/a/:other/c'),
    route('GET', '/a/:one/b/:two'),
  ]);
  const found = (method: string, path: string): readonly [string, object] => {
    const { route: there, params } = table.find(method, path);
    return [there.name, params];
  };

  it('finds a route by method and path, an exact one before a pattern', () => {
    expect(found('GET', '/a')).to.deep.equal(['GET /a', {}]);
    expect(found('HEAD', '/a')).to.deep.equal(['GET /a', {}]);
    expect(found('POST', '/a')).to.deep.equal(['POST /a', {}]);
    expect(found('GET', '/a/fixed')).to.deep.equal(['GET /a/fixed', {}]);
    expect(found('GET', '/a/7')).to.deep.equal(['GET /a/:id', { id: '7' }]);
    expect(found('DELETE', '/a/7')).to.deep.equal(['DELETE /a/:id', { id: '7' }]);
    expect(found('GET', '/a/x%2Fy/b')).to.deep.equal(['GET /a/:id/b', { id: 'x/y' }]);
    expect(found('POST', '/a/7/c')).to.deep.equal(['POST /a/:other/c', { other: '7' }]);
    expect(found('GET', '/a/1/b/__proto__')).to.deep.equal(['GET /a/:one/b/:two', { one: '1', two: '__proto__' }]);
  });

  it('has no param that an object has by itself', () => {
    expect(found('GET', '/a/constructor')).to.deep.equal(['GET /a/:id', { id: 'constructor' }]);
  });

  for (const path of ['', '/', 'a', '/a/', '/A', '//a', '/a//b', '/a/1/b/', '/a/1/d', '/a/1/b/2/3', '/%61', '/a/.', '*', 'http://x/a'])
    it(`finds nothing at ${JSON.stringify(path)} but what is there`, () => {
      if (path === '/a/.') expect(found('GET', path)).to.deep.equal(['GET /a/:id', { id: '.' }]);
      else
        expect(() => table.find('GET', path))
          .to.throw()
          .with.property('code', 'resource_not_found');
    });

  it('says which methods there are', () => {
    expect(() => table.find('PUT', '/a'))
      .to.throw()
      .that.deep.includes({ status: 405, headers: { allow: 'GET, HEAD, POST' } });
    expect(() => table.find('GET', '/a/7/c'))
      .to.throw()
      .that.deep.includes({ status: 405, headers: { allow: 'POST' } });
    expect(() => table.find('get', '/a'))
      .to.throw()
      .with.property('status', 405);
  });

  for (const path of ['/a/%', '/a/%zz', '/a/%e0%a4', '/a/%ff/b'])
    it(`refuses ${path}, which cannot be decoded`, () => {
      expect(() => table.find('GET', path))
        .to.throw()
        .with.property('code', 'invalid_request');
    });

  it('refuses two routes at one place or of one name', () => {
    expect(() => new RouteTable([route('GET', '/a'), route('GET', '/a', 'other')])).to.throw('Two routes');
    expect(() => new RouteTable([route('GET', '/a/:x'), route('GET', '/a/:y', 'other')])).to.throw('Two routes');
    expect(() => new RouteTable([route('GET', '/a', 'n'), route('POST', '/a', 'n')])).to.throw('Two routes');
  });
});
