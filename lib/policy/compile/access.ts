import { EntityValue, FieldReader, RecordValue, SetValue, type Value } from '../value/Value.js';
import type { Compile, EvaluationContext, Expression } from './EvaluationContext.js';
import { LikePattern } from '../value/LikePattern.js';
import { exactFields, list, text, Uncompilable } from './exactFields.js';

type CompileKind = (node: unknown, compile: Compile) => Expression;

const NO_ENTITY = 'an entity is needed';

/** Attributes, entities and texts, by their names in Cedar's JSON. */
export const ACCESS: ReadonlyMap<string, CompileKind> = new Map([
  ['.', attribute],
  ['has', has],
  ['in', isIn],
  ['is', is],
  ['like', like],
  ['getTag', (node, compile) => tag(node, compile, undefined)],
  ['hasTag', (node, compile) => tag(node, compile, false)],
]);

function attribute(node: unknown, compile: Compile): Expression {
  const fields = exactFields(node, ['left', 'attr']);
  const name = text(fields.attr);
  const left = compile(fields.left);
  if (left.path !== undefined) return belowContext([...left.path, name]);
  const { run } = left;
  const reader = new FieldReader(name);
  return { run: (n) => attributeOf(n, run(n), reader) };
}

/** `context.a.b` in one step: most of what conditions look at. */
function belowContext(path: readonly string[]): Expression {
  const readers = path.map((name) => new FieldReader(name));
  return {
    path,
    run: (n) => {
      let value: Value = n.context;
      for (let i = 0; i < readers.length; i++) {
        const next = attributeOf(n, value, readers[i] as FieldReader);
        if (next === undefined) return undefined;
        value = next;
      }
      return value;
    },
  };
}

function attributeOf(n: EvaluationContext, value: Value | undefined, reader: FieldReader): Value | undefined {
  const { name } = reader;
  if (value instanceof RecordValue) return reader.read(value) ?? n.fail(`there is no attribute ${name}`);
  if (!(value instanceof EntityValue)) return n.fail(`a record or an entity is needed for ${name}`);
  const attributes = n.entities.attributesOf(value);
  if (attributes === undefined) return n.fail(`an entity is not known, so it has no ${name}`);
  return attributes.get(name) ?? n.fail(`an entity has no attribute ${name}`);
}

/** `has a.b.c` is `has a && .a has b && .a.b has c`: false at the first that is missing, an error at the first that can have nothing. */
function has(node: unknown, compile: Compile): Expression {
  const fields = exactFields(node, ['left', 'attr']);
  const path = typeof fields.attr === 'string' ? [fields.attr] : list(fields.attr).map(text);
  if (path.length === 0) throw new Uncompilable('has without a name');
  const readers = path.map((name) => new FieldReader(name));
  const { run } = compile(fields.left);
  return {
    boolean: true,
    run: (n) => {
      let value = run(n);
      for (let i = 0; i < readers.length; i++) {
        let record: RecordValue | undefined;
        if (value instanceof RecordValue) record = value;
        else if (value instanceof EntityValue) record = n.entities.attributesOf(value);
        else return n.fail('a record or an entity is needed for has');
        value = record === undefined ? undefined : (readers[i] as FieldReader).read(record);
        if (value === undefined) return false;
      }
      return true;
    },
  };
}

function isIn(node: unknown, compile: Compile): Expression {
  const { left, right } = exactFields(node, ['left', 'right']);
  const [inner, outer] = [compile(left).run, compile(right).run];
  return { boolean: true, run: (n) => below(n, inner(n), outer(n)) };
}

function is(node: unknown, compile: Compile): Expression {
  const fields = exactFields(node, ['left', 'entity_type'], ['in']);
  const type = text(fields.entity_type);
  const { run } = compile(fields.left);
  const outer = fields.in === undefined ? undefined : compile(fields.in).run;
  return {
    boolean: true,
    run: (n) => {
      const value = run(n);
      if (!(value instanceof EntityValue)) return n.fail(NO_ENTITY);
      if (value.type !== type) return false;
      return outer === undefined || below(n, value, outer(n));
    },
  };
}

function below(n: EvaluationContext, inner: Value | undefined, outer: Value | undefined): boolean | undefined {
  if (!(inner instanceof EntityValue)) return n.fail(NO_ENTITY);
  if (outer instanceof EntityValue) return n.entities.isIn(inner, outer);
  if (!(outer instanceof SetValue)) return n.fail('an entity or a set of them is needed');
  const { items } = outer;
  n.budget.take(items.length);
  let found = false;
  // each has to be an entity, even after one is found
  for (const item of items) {
    if (!(item instanceof EntityValue)) return n.fail(NO_ENTITY);
    found ||= n.entities.isIn(inner, item);
  }
  return found;
}

function like(node: unknown, compile: Compile): Expression {
  const fields = exactFields(node, ['left', 'pattern']);
  const pieces = [''];
  for (const element of list(fields.pattern)) {
    if (element === 'Wildcard') pieces.push('');
    else pieces[pieces.length - 1] += text(exactFields(element, ['Literal']).Literal);
  }
  const pattern = new LikePattern(pieces);
  const { run } = compile(fields.left);
  return {
    boolean: true,
    run: (n) => {
      const value = run(n);
      return typeof value === 'string' ? pattern.matches(value, n.budget) : n.fail('a String is needed for like');
    },
  };
}

/** No entity ever has tags: requests are made here, without any. */
function tag(node: unknown, compile: Compile, without: false | undefined): Expression {
  const { left, right } = exactFields(node, ['left', 'right']);
  const [entity, name] = [compile(left).run, compile(right).run];
  return {
    run: (n) => {
      if (!(entity(n) instanceof EntityValue)) return n.fail(NO_ENTITY);
      if (typeof name(n) !== 'string') return n.fail('a String is needed as a tag');
      return without ?? n.fail('the entity has no such tag');
    },
  };
}
