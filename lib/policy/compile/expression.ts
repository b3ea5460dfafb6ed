import { EntityValue, type Long } from '../value/Value.js';
import { ACCESS } from './access.js';
import { COLLECTIONS } from './collections.js';
import { compileExtension } from './extensions.js';
import { LOGIC } from './logic.js';
import { constant, type Expression } from './EvaluationContext.js';
import { exactFields, onlyField, plain, text, Uncompilable } from './exactFields.js';

const VARIABLES: ReadonlyMap<unknown, Expression> = new Map<string, Expression>([
  ['principal', { run: (n) => n.principal }],
  ['action', { run: (n) => n.action }],
  ['resource', { run: (n) => n.resource }],
  ['context', { run: (n) => n.context, path: [] }],
]);

/** Compiles expressions of one policy. */
export class ExpressionCompiler {
  /** Nodes compiled so far. */
  nodes = 0;
  readonly #longOf: (value: number) => Long | undefined;

  /** @param longOf the exact Long that a number in the JSON was written as, if that can be told */
  constructor(longOf: (value: number) => Long | undefined) {
    this.#longOf = longOf;
  }

  /** @throws Uncompilable where it does not know the exact shape of a node */
  readonly compile = (node: unknown): Expression => {
    this.nodes += 1;
    const [kind, content] = onlyField(node);
    if (kind === 'Value') return this.#value(content);
    if (kind === 'Var') return variable(content);
    const compileKind = LOGIC.get(kind) ?? ACCESS.get(kind) ?? COLLECTIONS.get(kind);
    const expression = compileKind === undefined ? compileExtension(kind, content, this.compile) : compileKind(content, this.compile, node);
    if (expression === undefined) throw new Uncompilable(`${kind} is not known`);
    return expression;
  };

  #value(content: unknown): Expression {
    if (typeof content === 'boolean' || typeof content === 'string') return constant(content);
    if (typeof content === 'object') return constant(readEntity(content));
    const long = typeof content === 'number' ? this.#longOf(content) : undefined;
    if (long === undefined) throw new Uncompilable('a literal is not known exactly');
    return constant(long);
  }
}

/** An entity's name, as scopes and literals have it. */
export function readEntity(node: unknown): EntityValue {
  const uid = Object.hasOwn(plain(node), '__entity') ? exactFields(node, ['__entity']).__entity : node;
  const { type, id } = exactFields(uid, ['type', 'id']);
  return new EntityValue(text(type), text(id));
}

function variable(name: unknown): Expression {
  const expression = VARIABLES.get(name);
  if (expression === undefined) throw new Uncompilable('a variable is not known');
  return expression;
}
