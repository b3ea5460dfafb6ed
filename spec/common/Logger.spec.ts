import { expect } from 'chai';
import sinon from 'sinon';
import { ConsoleLogger, silentLogger } from '../../lib/common/Logger.js';
import type { Logger, LogLevel } from '../../lib/common/Logger.js';
import { SecretString } from '../../lib/common/SecretString.js';

describe('ConsoleLogger', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers(1_700_000_000_000)));
  afterEach(() => clock.restore());

  function written(log: (logger: Logger) => void, level?: LogLevel): string[] {
    const write = sinon.stub(process.stderr, 'write').returns(true);
    try {
      log(new ConsoleLogger(level));
      return write.args.map(([line]) => String(line));
    } finally {
      write.restore();
    }
  }
  const record = (log: (logger: Logger) => void): Record<string, unknown> => {
    const [line, ...more] = written(log, 'debug');
    expect(more).to.deep.equal([]);
    expect(line)
      .to.match(/^\[AEGIS\] \{.*\}\n$/)
      .and.to.not.match(/[^\n]\n./);
    return JSON.parse((line as string).slice('[AEGIS] '.length)) as Record<string, unknown>;
  };

  it('writes one line of JSON a record', () => {
    expect(record((l) => l.info({ toolName: 't', n: 1 }, 'decided'))).to.deep.equal({
      level: 'info',
      time: '2023-11-14T22:13:20.000Z',
      msg: 'decided',
      toolName: 't',
      n: 1,
    });
  });

  const all = (l: Logger): void => {
    l.debug({}, 'd');
    l.info({}, 'i');
    l.warn({}, 'w');
    l.error({}, 'e');
  };
  for (const [level, expected] of [
    [undefined, 'iwe'],
    ['debug', 'diwe'],
    ['info', 'iwe'],
    ['warning', 'we'],
    ['error', 'e'],
  ] as const)
    it(`writes ${expected.length} of four levels at ${level ?? 'its default'}`, () => {
      const messages = written(all, level).map((line) => (JSON.parse(line.slice(8)) as { msg: string }).msg);
      expect(messages.join('')).to.equal(expected);
    });

  for (const hostile of [
    '\n[AEGIS] {"level":"error"}',
    '\r',
    '\u001b[2J',
    '\u2028',
    '\u2029',
    '\u202e',
    '\u0085',
    '\u{e0041}',
    '\ud800',
    '"}\n{"',
  ])
    it(`keeps ${JSON.stringify(hostile)} on its line, readable and harmless`, () => {
      expect(record((l) => l.warn({ a: hostile, [hostile]: 1 }, hostile))).to.deep.include({ a: hostile, msg: hostile });
      const [line] = written((l) => l.warn({ a: hostile }, hostile));
      // oxlint-disable-next-line no-control-regex
      expect((line as string).slice(0, -1)).to.not.match(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    });

  it('lets no field take the place of level, time and msg', () => {
    const fields = { level: 'debug', time: 'never', msg: 'all is well', more: 1 };
    expect(record((l) => l.error(fields, 'refused')))
      .to.include({ level: 'error', msg: 'refused', more: 1 })
      .and.not.include({ time: 'never' });
  });

  it('shows no secret, and of an error its name and message only', () => {
    const error = Object.assign(new TypeError('plain'), { params: 'CANARY' });
    const said = record((l) => l.error({ key: new SecretString('CANARY'), error, n: 5n }, 'x'));
    expect(said).to.deep.include({ key: '[redacted]', error: { name: 'TypeError', message: 'plain' }, n: '5n' });
    expect(JSON.stringify(said)).to.not.include('CANARY');
  });

  it('writes a record whose fields cannot be written, without them', () => {
    const loop: Record<string, unknown> = {};
    loop['loop'] = loop;
    const throws = {
      get a(): never {
        throw new Error('CANARY');
      },
    };
    for (const fields of [loop, throws]) {
      const said = record((l) => l.error(fields, 'x'));
      expect(said).to.include({ level: 'error', msg: 'x' });
      expect(JSON.stringify(said)).to.not.include('CANARY');
    }
  });
});

describe('silentLogger', () => {
  it('writes nothing', () => {
    const write = sinon.stub(process.stderr, 'write').returns(true);
    silentLogger.debug({}, 'x');
    silentLogger.info({}, 'x');
    silentLogger.warn({}, 'x');
    silentLogger.error({}, 'x');
    write.restore();
    expect(write.callCount).to.equal(0);
  });
});
