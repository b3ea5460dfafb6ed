import { isPlainObject } from '../../common/data/plainObject.js';
import { markGuarded } from '../../guard/guardedTools.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { requestOf } from './context.js';
import type { McpProtocolServer } from './elicitation.js';
import { McpToolCalls } from './McpToolCalls.js';
import type { McpOptions } from './McpToolCalls.js';

export type { AdapterOptions, OnApproval } from '../tool/AdapterOptions.js';
export type { McpAuthInfo, McpContext } from './context.js';
export type { McpOptions } from './McpToolCalls.js';

/** What is used of the `McpServer` of the SDK, 1 or 2. */
export interface McpServerLike {
  readonly server: { readonly transport?: object | undefined };
  registerTool(name: never, config: never, callback: never): object;
}

type Callback = (...args: readonly unknown[]) => unknown;
/** What the tasks of version 1 are made by. */
interface TaskHandler {
  createTask: Callback;
}
interface RegisteredTool {
  inputSchema?: unknown;
  handler?: unknown;
  update(updates: Readonly<Record<string, unknown>>): void;
}
/** What of a server is replaced, and what is looked at. */
interface ToolRegistrar {
  readonly server: McpProtocolServer & { assertCanSetRequestHandler?(method: string): void };
  readonly experimental?: { readonly tasks?: object };
  readonly _registeredTools?: unknown;
  readonly _toolHandlersInitialized?: unknown;
}

const guardedServers = new WeakSet<object>();

/**
 * Guards the tools of an MCP server, of the SDK's versions 1 and 2: the same server, each of whose tools asks first, whenever it was registered and whatever
 * its callback is changed to. A refusal is a result with `isError`, never an error of the protocol.
 *
 * @throws ConfigError for options that cannot be
 * @throws GuardDefinitionError where the server is guarded already, or has tools that cannot be found
 * @example const server = guardServer(new McpServer({ name: 'shop', version: '1.0.0' }), { agentId: 'shop-agent' });
 */
export function guardServer<S extends McpServerLike>(server: S, options: McpOptions = {}): S {
  const registrar = server as unknown as ToolRegistrar;
  if (guardedServers.has(server)) throw new GuardDefinitionError('mcp: this server is guarded already.');
  const existing = existingTools(registrar);
  const guard = new ServerGuard(new McpToolCalls(registrar.server, options));
  guardedServers.add(server);
  for (const [name, tool] of existing) guard.adopt(name, tool);
  // the callback comes last in all of them
  for (const [owner, method] of [
    [server, 'registerTool'],
    [server, 'tool'],
    [registrar.experimental?.tasks, 'registerToolTask'],
  ] as const) {
    const register = owner && (owner as Readonly<Record<string, unknown>>)[method];
    if (typeof register !== 'function') continue;
    const value = (name: string, ...rest: readonly unknown[]): object => {
      const entry: Entry = { name, tool: undefined };
      const callback = guard.callback(entry, rest.at(-1));
      return guard.watch(entry, Reflect.apply(register, owner, [name, ...rest.slice(0, -1), callback]) as RegisteredTool);
    };
    Object.defineProperty(owner, method, { value, configurable: true, writable: true });
  }
  return server;
}

/** The tools that a server has by now, which it keeps to itself. */
function existingTools({ server, _registeredTools, _toolHandlersInitialized }: ToolRegistrar): readonly [string, RegisteredTool][] {
  let handled = false;
  try {
    server.assertCanSetRequestHandler?.('tools/call');
  } catch {
    handled = true;
  }
  if (!handled && server.assertCanSetRequestHandler !== undefined) return [];
  if (_toolHandlersInitialized === true && isPlainObject(_registeredTools)) {
    const tools = Object.entries(_registeredTools as Readonly<Record<string, RegisteredTool>>);
    if (tools.every(([, tool]) => typeof tool.update === 'function')) return tools;
  }
  const message = 'mcp: this server handles tools/call already, in a way that cannot be guarded. Guard it before any tool is registered.';
  throw new GuardDefinitionError(message);
}

/** A tool under the name it has now, and what was registered. */
interface Entry {
  name: string;
  tool: RegisteredTool | undefined;
}

class ServerGuard {
  readonly #calls: McpToolCalls;
  /** Whose calls a guarded callback decides: another tool's is guarded once more. */
  readonly #guarded = new WeakMap<object, Entry>();

  constructor(calls: McpToolCalls) {
    this.#calls = calls;
  }

  /** A tool that was registered before. */
  adopt(name: string, tool: RegisteredTool): void {
    const entry: Entry = { name, tool };
    const { handler } = tool;
    this.watch(entry, tool).update({ callback: handler });
  }

  /** Whatever the tool's callback is changed to later is guarded too. */
  watch(entry: Entry, tool: RegisteredTool): RegisteredTool {
    entry.tool = tool;
    const update = tool.update.bind(tool);
    tool.update = (updates) => {
      if (typeof updates['name'] === 'string') entry.name = updates['name'];
      const { callback } = updates;
      update(callback === undefined ? updates : { ...updates, callback: this.callback(entry, callback) });
    };
    let { handler } = tool;
    Object.defineProperty(tool, 'handler', {
      get: () => handler,
      set: (given: unknown) => {
        handler = this.callback(entry, given);
      },
      enumerable: true,
      configurable: true,
    });
    return markGuarded(tool);
  }

  /** The callback, guarded: a function, or what makes the tasks of version 1. */
  callback(entry: Entry, given: unknown): unknown {
    if (typeof given === 'object' && given !== null && 'createTask' in given) {
      const { createTask } = given as TaskHandler;
      if (this.#guarded.get(createTask) === entry) return given;
      return Object.create(given, { createTask: { value: this.#task(entry, createTask.bind(given)) } });
    }
    if (typeof given !== 'function' || this.#guarded.get(given) === entry) return given;
    const guarded: Callback = (...args) => this.#answer(entry, given as Callback, args);
    this.#guarded.set(guarded, entry);
    return guarded;
  }

  /** A tool without an inputSchema is given the context alone. */
  #answer(entry: Entry, callback: Callback, args: readonly unknown[]): Promise<unknown> {
    const { name, tool } = entry;
    const extra = args.at(-1);
    const bare = args.length < 2;
    return this.#calls.answer({
      name,
      input: bare ? {} : args[0],
      extra,
      inputSchema: bare ? undefined : tool?.inputSchema,
      enter: (own) => (bare ? callback(extra) : callback(own, extra)),
    });
  }

  /** A client that asked for a task is told in a task: a plain result would be an error of the protocol to it. */
  #task(entry: Entry, createTask: Callback): Callback {
    const guarded: Callback = async (...args) => {
      const result = (await this.#answer(entry, createTask, args)) as object;
      const { taskStore } = requestOf(args.at(-1));
      if ('task' in result || taskStore === undefined) return result;
      const task = await taskStore.createTask({});
      // not `failed`: the client would not look at the result, which says why
      await taskStore.storeTaskResult(task.taskId, 'completed', result);
      return { task: { ...task, status: 'completed' } };
    };
    this.#guarded.set(guarded, entry);
    return guarded;
  }
}
