import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { AegisAgent, AegisGuard, guard } from '../../lib/index.js';
import { isGuardedTool, markGuardedTool } from '../../lib/guard/guardedTools.js';
import { expectGuarded } from '../../lib/testing/index.js';
import { toolCoverage } from '../../lib/testing/toolCoverage.js';

const plain = (name?: string) => ({
  ...(name !== undefined && { name }),
  description: 'a tool',
  inputSchema: {},
  execute: async () => 'ran',
});
const guarded = (name: string) => markGuardedTool({ name, execute: async () => 'ran' }, 'execute');
const send = guard(async (to: string) => to, { agentId: 'a', toolName: 'send', params: ['to'] });

class Frame {
  render(): string {
    return 'not a tool';
  }
}

@AegisAgent('a')
class Workspace extends Frame {
  static readonly limit = 1;

  @AegisGuard({ params: ['text'], approval: 'wait' })
  async post(text: string): Promise<string> {
    return text;
  }

  @AegisGuard({ approval: 'wait' })
  static async wipe(): Promise<void> {}

  label(): string {
    return 'a method without a guard';
  }

  get size(): number {
    throw new Error('getters are not run');
  }
}

class Whole {
  @AegisGuard({ agentId: 'a', approval: 'wait' })
  async post(): Promise<void> {}
}

class Careless extends Whole {
  override async post(): Promise<void> {}
}

class Orphan extends Whole {}

describe('expectGuarded', () => {
  it('passes where guards cover everything', () => {
    const made = { refund: guarded('refund'), search: guarded('search') };
    for (const subject of [
      made,
      made.refund,
      send,
      { send },
      [made],
      new Map([['x', made.refund]]),
      new Set([send]),
      Whole,
      new Whole(),
      Orphan,
    ])
      expect(() => expectGuarded(subject)).to.not.throw();
  });

  it('names what no guard covers', () => {
    expect(messageOf({ send, refund: plain(), other: async () => {} })).to.equal(
      [
        'expected that guards cover every tool, but:',
        '  refund: a tool without a guard',
        '  other: a function without a guard, beside tools',
      ].join('\n'),
    );
    expect(messageOf(plain())).to.include('\n  a tool without a guard');
    expect(messageOf([plain('search'), plain(), send]))
      .to.include('search: a tool')
      .and.include('[1]: a tool');
    expect(messageOf(new Map([['x', plain()]]))).to.include('x: a tool');
  });

  it('throws what every runner shows well', () => {
    const error = caught(() => expectGuarded({ 'a\u001b': plain() }));
    expect(error).to.be.instanceOf(AssertionError);
    expect(error).to.include({ operator: 'expectGuarded' });
    expect(error.message).to.include('a\\u{1b}: a tool');
  });

  it('takes no nothing for everything', () => {
    for (const empty of [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      new Map(),
      new Set(),
      { a: 1 },
      [[], {}],
      Frame,
      new Frame(),
      () => {},
      server({}),
    ])
      expect(() => expectGuarded(empty)).to.throw(AssertionError);
    expect(messageOf([])).to.include('nothing in it looks like a tool');
    expect(messageOf(undefined)).to.include('there is no tool in it');
    expect(messageOf(Frame)).to.include('a class without a guarded method');
  });

  it('finds methods without a guard in a class that has guards, but none of the frame it stands on', () => {
    expect(messageOf(Workspace)).to.equal(
      ['expected that guards cover every tool, but:', '  label: a method without a guard in a class that has guards'].join('\n'),
    );
    expectGuarded(Workspace, { except: ['label'] });
    expectGuarded({ desk: new Workspace() }, { except: ['desk.label'] });
  });

  it('finds an override that undoes a guard', () => {
    expect(messageOf(Careless)).to.include('post: it overrides a guarded method, but is not guarded itself');
  });

  it('knows a tool whose function was guarded, or replaced', () => {
    expectGuarded({ send: { description: 'sends', execute: send } });
    const tools = { refund: guarded('refund') };
    expectGuarded(tools);
    tools.refund.execute = async () => 'ran unguarded';
    expect(messageOf(tools)).to.include('refund: a tool without a guard');
    expect(messageOf({ refund: { ...guarded('refund'), execute: async () => 'ran unguarded' } })).to.include('refund: a tool');
  });

  it('judges a tool by the outermost function, which frameworks call', () => {
    expect(messageOf({ name: 'lookup', func: send, invoke: async () => {} })).to.include('a tool without a guard');
    expectGuarded({ name: 'lookup', invoke: send, func: async () => {} });
  });

  it('finds tools that run elsewhere', () => {
    for (const hosted of [
      { type: 'provider', id: 'openai.web_search' },
      { type: 'web_search_20250305', name: 'web_search' },
      { description: 'asks the user', inputSchema: {} },
      { description: 'asks the user', parameters: () => ({}) },
    ])
      expect(messageOf({ hosted })).to.include('hosted: it has no function to guard');
  });

  it('looks into MCP servers, agents and toolkits', () => {
    expectGuarded(server({ post: markGuardedTool({ handler: send }) }));
    expect(
      messageOf(
        server({ post: { handler: send }, wipe: { handler: async () => {}, enabled: true, remove: () => {} }, task: { handler: {} } }),
      ),
    ).to.equal(
      [
        'expected that guards cover every tool, but:',
        '  wipe: a registered tool without a guard',
        '  task: a registered tool without a guard',
      ].join('\n'),
    );
    class Agent {
      get tools() {
        return { refund: plain() };
      }
    }
    expect(messageOf(new Agent())).to.include('tools.refund: a tool without a guard');
    class Broken {
      get tools(): object {
        throw new Error('not yet');
      }
    }
    expect(messageOf(new Broken())).to.include('nothing in it looks like a tool');
  });

  it('leaves out what a record hides', () => {
    const record = Object.defineProperty({ send }, 'hidden', { value: plain() });
    expectGuarded(record);
  });

  it('runs no accessor of a record or tool', () => {
    const trap = {
      get refund(): never {
        throw new Error('it ran');
      },
    };
    expect(messageOf([trap])).to.include('nothing in it looks like a tool');
  });

  it('ends in rings, and does not believe what is too deep', () => {
    const ring: Record<string, unknown> = { send };
    ring['again'] = ring;
    expectGuarded(ring);
    let deep: unknown = send;
    for (let i = 0; i < 10; i++) deep = { inside: deep };
    expect(messageOf(deep)).to.include('it is nested more than 6 levels deep');
  });

  it('takes exceptions by name, and no stale one', () => {
    expectGuarded({ send, search: plain() }, { except: ['search'] });
    expect(messageOf({ send }, ['send', 'gone'])).to.equal(
      [
        'expected that guards cover every tool, but:',
        '  send: it is an exception, but there is no unguarded tool of that name',
        '  gone: it is an exception, but there is no unguarded tool of that name',
      ].join('\n'),
    );
  });
});

describe('The mark of guarded tools', () => {
  it('is on the very object, not on a copy or on what inherits from it', () => {
    const tool = guarded('a');
    expect(isGuardedTool(tool)).to.equal(true);
    for (const other of [{ ...tool }, Object.create(tool), undefined, null, 1, 'a', {}, () => {}])
      expect(isGuardedTool(other)).to.equal(false);
  });

  it('goes with the function that guards', () => {
    const tool = markGuardedTool({ execute: () => 1, run: (): number => 2 }, 'execute', 'run');
    tool.run = () => 3;
    expect(isGuardedTool(tool)).to.equal(false);
    const whole = markGuardedTool({ execute: (): number => 1 });
    whole.execute = () => 2;
    expect(isGuardedTool(whole)).to.equal(true);
  });

  it('sees an inherited function, and holds a function too', () => {
    const tool = markGuardedTool(Object.create({ invoke: () => 1 }) as { invoke?: () => number }, 'invoke');
    expect(isGuardedTool(tool)).to.equal(true);
    tool.invoke = () => 2;
    expect(isGuardedTool(tool)).to.equal(false);
    expect(isGuardedTool(markGuardedTool(() => 1))).to.equal(true);
  });
});

describe('toolCoverage', () => {
  it('names what it found by its place', () => {
    expect(toolCoverage({ send, list: [plain('search')] }, 'tools').map(({ path, state }) => `${path} ${state}`)).to.deep.equal([
      'tools.send guarded',
      'tools.list.search unguarded',
    ]);
    expect(toolCoverage(Workspace, 'Workspace').map(({ path, state }) => `${path} ${state}`)).to.deep.equal([
      'Workspace.post guarded',
      'Workspace.label unknown',
      'Workspace.wipe guarded',
    ]);
    expect(toolCoverage('text', 'VERSION')).to.deep.equal([]);
  });

  it('leaves functions open where nothing beside them is a tool', () => {
    expect(toolCoverage({ a: () => {}, b: () => {} }, 'x').map(({ state }) => state)).to.deep.equal(['unknown', 'unknown']);
  });
});

/** As both SDKs of MCP keep their tools. */
function server(tools: object): object {
  class McpServer {
    readonly _registeredTools = tools;
  }
  return new McpServer();
}

function caught(assertion: () => void): AssertionError {
  try {
    assertion();
  } catch (error) {
    return error as AssertionError;
  }
  throw new Error('it passed');
}

function messageOf(subject: unknown, except?: readonly string[]): string {
  return caught(() => expectGuarded(subject, { except })).message;
}
