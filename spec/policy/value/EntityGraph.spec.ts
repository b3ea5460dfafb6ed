import { expect } from 'chai';
import { EMPTY_RECORD, EntityValue, RecordValue } from '../../../lib/policy/value/Value.js';
import { type Entity, EntityGraph } from '../../../lib/policy/value/EntityGraph.js';

const uid = (id: string, type = 'T'): EntityValue => new EntityValue(type, id);
const entity = (id: string, ...parents: string[]): Entity => ({
  uid: uid(id),
  attributes: EMPTY_RECORD,
  parents: parents.map((p) => uid(p)),
});

describe('EntityGraph', () => {
  it('knows who is in whom, at any distance and in any order', () => {
    const chain = Array.from({ length: 500 }, (_, i) => entity(`n${i}`, `n${i + 1}`));
    for (const entities of [chain, [...chain].reverse()]) {
      const graph = new EntityGraph(entities);
      expect(graph.isIn(uid('n0'), uid('n500'))).to.equal(true);
      expect(graph.isIn(uid('n3'), uid('n3'))).to.equal(true);
      expect(graph.isIn(uid('n3'), uid('n2'))).to.equal(false);
    }
  });

  it('takes several ways to one ancestor, and parents that are not known', () => {
    const graph = new EntityGraph([entity('a', 'b', 'c', 'c'), entity('b', 'd'), entity('c', 'd')]);
    expect(['b', 'c', 'd', 'e'].map((id) => graph.isIn(uid('a'), uid(id)))).to.deep.equal([true, true, true, false]);
    expect(graph.isIn(uid('zz'), uid('zz'))).to.equal(true);
    expect(graph.isIn(uid('d'), uid('a'))).to.equal(false);
  });

  it('keeps type and id apart', () => {
    const graph = new EntityGraph([{ uid: uid('x'), attributes: EMPTY_RECORD, parents: [uid('B::x', 'A')] }]);
    expect(graph.isIn(uid('x'), uid('x', 'A::B'))).to.equal(false);
    expect(graph.isIn(uid('x', 'A::B'), uid('B::x', 'A'))).to.equal(false);
    expect(graph.isIn(uid('x'), uid('B::x', 'A'))).to.equal(true);
  });

  it('takes a parent of its own name and another type', () => {
    const graph = new EntityGraph([{ uid: uid('x'), attributes: EMPTY_RECORD, parents: [uid('x', 'S')] }]);
    expect([graph.isIn(uid('x'), uid('x', 'S')), graph.isIn(uid('x', 'S'), uid('x'))]).to.deep.equal([true, false]);
  });

  it('gives the attributes of those it knows', () => {
    const attributes = new RecordValue(['a'], [1]);
    const graph = new EntityGraph([{ uid: uid('x'), attributes, parents: [] }]);
    expect(graph.attributesOf(uid('x'))).to.equal(attributes);
    expect(graph.attributesOf(uid('x', 'S'))).to.equal(undefined);
  });

  it('refuses cycles and entities that are given twice', () => {
    expect(() => new EntityGraph([entity('a', 'a')])).to.throw('above itself');
    expect(() => new EntityGraph([entity('a', 'b'), entity('b', 'c'), entity('c', 'a')])).to.throw('above itself');
    expect(() => new EntityGraph([entity('a', 'b'), entity('b', 'c'), entity('c', 'b')])).to.throw('above itself');
    expect(() => new EntityGraph([entity('a', 'b'), entity('a')])).to.throw('given twice');
  });
});
