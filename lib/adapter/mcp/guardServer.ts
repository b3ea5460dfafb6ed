import { isPlainObject } from '../../common/data/plainObject.js';
import { markGuardedTool } from '../../guard/guardedTools.js';
import { GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import { requestOf } from './context.js';
import type { McpProtocolServer } from './elicit.js';
import { McpToolCalls } from './McpToolCalls.js';
import type { McpOptions } from './McpToolCalls.js';

/** The properties that are used of the SDK's `McpServer`, version 1 or 2. */
export interface McpServerLike {
  readonly server: { readonly transport?: object | undefined };
  registerTool(name: never, config: never, callback: never): object;
}

type Callback = (...args: readonly unknown[]) => unknown;
/** Creates the tasks of version 1. */
interface TaskHandler {
  createTask: Callback;
}
interface RegisteredTool {
  inputSchema?: unknown;
  handler?: unknown;
  update(updates: Readonly<Record<string, unknown>>): void;
}
/** The properties of a server that are replaced or read. */
interface ToolRegistrar {
  readonly server: McpProtocolServer & { assertCanSetRequestHandler?(method: string): void };
  readonly experimental?: { readonly tasks?: object };
  readonly _registeredTools?: unknown;
  readonly _toolHandlersInitialized?: unknown;
}

const guardedServers = new WeakSet<object>();

/**
 * Guards the tools of an MCP server (SDK versions 1 and 2): those that are registered already, those that are registered later, and every callback that a tool gets
 * by an update. A refusal is a result with `isError`, never an error of the protocol.
 *
 * @returns the same server
 * @throws ConfigError for invalid options
 * @throws GuardDefinitionError if the server is guarded already, or has tools that cannot be found
 * @example const server = guardServer(new McpServer({ name: 'shop', version: '1.0.0' }), { agentId: 'shop-agent' });
 */
export function guardServer<S extends McpServerLike>(server: S, options: McpOptions = {}): S {
  const registrar = server as unknown as ToolRegistrar;
  if (guardedServers.has(server))
    throw new GuardDefinitionError('mcp: this server is guarded already; call guardServer() once for each server.');
  const existing = existingTools(registrar);
  const guard = new ServerGuard(new McpToolCalls(registrar.server, options));
  guardedServers.add(server);
  for (const [name, tool] of existing) guard.adopt(name, tool);
  // the callback is the last argument of each method
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

/** The tools that the server has already, which it keeps in a private field. */
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
  const message =
    'mcp: this server already handles tools/call with a handler that cannot be guarded; call guardServer() before any tool is registered.';
  throw new GuardDefinitionError(message);
}

/** A registered tool with its current name. */
interface Entry {
  name: string;
  tool: RegisteredTool | undefined;
}

class ServerGuard {
  readonly #calls: McpToolCalls;
  /** The tool that a guarded callback belongs to. For another tool the callback is guarded again. */
  readonly #guarded = new WeakMap<object, Entry>();

  constructor(calls: McpToolCalls) {
    this.#calls = calls;
  }

  /** Guards a tool that was registered before. */
  adopt(name: string, tool: RegisteredTool): void {
    const entry: Entry = { name, tool };
    const { handler } = tool;
    this.watch(entry, tool).update({ callback: handler });
  }

  /** Guards every callback that the tool gets later. */
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
    return markGuardedTool(tool);
  }

  /** Returns the guarded callback: a function, or an object that creates the tasks of version 1. */
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

  /** Answers a call. A tool without an inputSchema gets only the context. */
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

  /** Wraps a refusal in a task for a client that asked for a task: to such a client a plain result is an error of the protocol. */
  #task(entry: Entry, createTask: Callback): Callback {
    const guarded: Callback = async (...args) => {
      const result = (await this.#answer(entry, createTask, args)) as object;
      const { taskStore } = requestOf(args.at(-1));
      if ('task' in result || taskStore === undefined) return result;
      const task = await taskStore.createTask({});
      // not `failed`, because the client would then not read the result, which says why
      await taskStore.storeTaskResult(task.taskId, 'completed', result);
      return { task: { ...task, status: 'completed' } };
    };
    this.#guarded.set(guarded, entry);
    return guarded;
  }
}
