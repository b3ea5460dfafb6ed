import { EntityValue, FieldReader, NULL, RecordValue, SetValue, type Value } from '../value/Value.js';
import type { Compile, CompileKind, EvaluationContext, Expression } from './EvaluationContext.js';
import { LikePattern } from '../value/LikePattern.js';
import { exactFields, list, text, Uncompilable } from './exactFields.js';
import { nullRead, sourceOf, wrongKinds } from './wrongKinds.js';

/** Attributes, entities and texts, by their names in Cedar's JSON. */
export const ACCESS: ReadonlyMap<string, CompileKind> = new Map([
  ['.', attribute],
  ['has', has],
  ['in', isIn],
  ['is', is],
  ['like', like],
  ['getTag', tag(undefined)],
  ['hasTag', tag(false)],
]);

function attribute(content: unknown, compile: Compile, node: unknown): Expression {
  const fields = exactFields(content, ['left', 'attr']);
  const name = text(fields.attr);
  const left = compile(fields.left);
  if (left.path !== undefined) return belowContext([...left.path, name], node);
  const { run } = left;
  const reader = new FieldReader(name);
  return { run: (n) => attributeOf(n, run(n), reader, node) };
}

/** `context.a.b` in one step: most of what conditions look at. */
function belowContext(path: readonly string[], node: unknown): Expression {
  const readers = path.map((name) => new FieldReader(name));
  return {
    path,
    run: (n) => {
      let value: Value = n.context;
      for (let i = 0; i < readers.length; i++) {
        const next = attributeOf(n, value, readers[i] as FieldReader, node);
        if (next === undefined) return undefined;
        value = next;
      }
      return value;
    },
  };
}

function attributeOf(n: EvaluationContext, value: Value | undefined, reader: FieldReader, node: unknown): Value | undefined {
  const { name } = reader;
  if (value instanceof RecordValue) {
    const field = reader.read(value);
    if (field === NULL) return nullRead(n, node);
    return field ?? n.fail(`\`${sourceOf(node)}\`: there is no attribute ${name}`);
  }
  if (!(value instanceof EntityValue)) return wrongKinds(n, node, `a Record or an entity before .${name}`, value);
  const attributes = n.entities.attributesOf(value);
  if (attributes === undefined) return n.fail(`\`${sourceOf(node)}\`: the entity is not known, so it has no ${name}`);
  return attributes.get(name) ?? n.fail(`\`${sourceOf(node)}\`: the entity has no attribute ${name}`);
}

/** `has a.b.c` is `has a && .a has b && .a.b has c`: false at the first that is missing, an error at the first that can have nothing. */
function has(content: unknown, compile: Compile, node: unknown): Expression {
  const fields = exactFields(content, ['left', 'attr']);
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
        else return wrongKinds(n, node, 'a Record or an entity', value);
        value = record === undefined ? undefined : (readers[i] as FieldReader).read(record);
        if (value === NULL) return nullRead(n, node);
        if (value === undefined) return false;
      }
      return true;
    },
  };
}

function isIn(content: unknown, compile: Compile, node: unknown): Expression {
  const { left, right } = exactFields(content, ['left', 'right']);
  const [inner, outer] = [compile(left).run, compile(right).run];
  return { boolean: true, run: (n) => below(n, inner(n), outer(n), node) };
}

function is(content: unknown, compile: Compile, node: unknown): Expression {
  const fields = exactFields(content, ['left', 'entity_type'], ['in']);
  const type = text(fields.entity_type);
  const { run } = compile(fields.left);
  const outer = fields.in === undefined ? undefined : compile(fields.in).run;
  return {
    boolean: true,
    run: (n) => {
      const value = run(n);
      if (!(value instanceof EntityValue)) return wrongKinds(n, node, 'an entity', value);
      if (value.type !== type) return false;
      return outer === undefined || below(n, value, outer(n), node);
    },
  };
}

function below(n: EvaluationContext, inner: Value | undefined, outer: Value | undefined, node: unknown): boolean | undefined {
  if (!(inner instanceof EntityValue)) return wrongKinds(n, node, 'an entity', inner);
  if (outer instanceof EntityValue) return n.entities.isIn(inner, outer);
  if (!(outer instanceof SetValue)) return wrongKinds(n, node, 'an entity or a Set of them', outer);
  const { items } = outer;
  n.budget.take(items.length);
  let found = false;
  // each has to be an entity, even after one is found
  for (const item of items) {
    if (!(item instanceof EntityValue)) return wrongKinds(n, node, 'a Set of entities', item);
    found ||= n.entities.isIn(inner, item);
  }
  return found;
}

function like(content: unknown, compile: Compile, node: unknown): Expression {
  const fields = exactFields(content, ['left', 'pattern']);
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
      return typeof value === 'string' ? pattern.matches(value, n.budget) : wrongKinds(n, node, 'a String', value);
    },
  };
}

/** No entity ever has tags: requests are made here, without any. */
function tag(without: false | undefined): CompileKind {
  return (content, compile, node) => {
    const { left, right } = exactFields(content, ['left', 'right']);
    const [entity, name] = [compile(left).run, compile(right).run];
    return {
      run: (n) => {
        const of = entity(n);
        if (!(of instanceof EntityValue)) return wrongKinds(n, node, 'an entity', of);
        const key = name(n);
        if (typeof key !== 'string') return wrongKinds(n, node, 'a String as the name of a tag', key);
        return without ?? n.fail(`\`${sourceOf(node)}\`: the entity has no such tag`);
      },
    };
  };
}
