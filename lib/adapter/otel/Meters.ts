import { VERSION } from '../../common/version.js';
import { METRICS, SCOPE } from './metrics.js';
import type { MeterProvider, OtelApi, OtelCounter, OtelHistogram, OtelMeter } from './OtelApi.js';

/** What is read at each export, by the name of its gauge. */
export interface Gauges {
  readonly pending?: (() => number | Promise<number>) | undefined;
  readonly auditQueue?: (() => number | Promise<number>) | undefined;
}

/** What is counted and measured. */
export interface Instruments {
  readonly decisions: OtelCounter;
  readonly decisionDuration: OtelHistogram;
  readonly approvals: OtelCounter;
  readonly approvalWait: OtelHistogram;
  readonly executions: OtelCounter;
  readonly executionDuration: OtelHistogram;
  readonly security: OtelCounter;
  readonly policyChanges: OtelCounter;
}

/** Names of tools beyond it are counted together: a label must not grow without end. */
const MAX_TOOLS = 500;
const OTHER_TOOLS = 'other';

/** Bounds in seconds: a decision in this process takes microseconds, one at a server milliseconds. */
const DECISION_BOUNDS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** In seconds: a person takes seconds to days. */
const WAIT_BOUNDS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400];
const RUN_BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

/** The instruments. Where a program registers its SDK after this library was set up, they are made again: those of before would measure nothing for ever. */
export class Meters {
  readonly #api: OtelApi;
  readonly #gauges: Gauges;
  readonly #failed: (error: unknown) => void;
  readonly #tools = new Set<string>();
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;

  /** @param failed gets the error of a gauge that could not be read */
  constructor(api: OtelApi, gauges: Gauges, failed: (error: unknown) => void) {
    this.#api = api;
    this.#gauges = gauges;
    this.#failed = failed;
    // gauges are read at each export, also where nothing was ever called
    this.current();
  }

  /** `undefined` as long as no SDK is registered. */
  current(): Instruments | undefined {
    const provider = this.#api.metrics.getMeterProvider();
    if (provider === this.#provider) return this.#instruments;
    this.#provider = provider;
    const meter = provider.getMeter(SCOPE, VERSION);
    this.#instruments = meter === this.#api.createNoopMeter?.() ? undefined : this.#make(meter);
    return this.#instruments;
  }

  /** The name of a tool as a label. */
  tool(name: string): string {
    if (this.#tools.has(name)) return name;
    if (this.#tools.size >= MAX_TOOLS) return OTHER_TOOLS;
    this.#tools.add(name);
    return name;
  }

  #make(meter: OtelMeter): Instruments {
    this.#observe(meter, 'pending');
    this.#observe(meter, 'auditQueue');
    return {
      decisions: counter(meter, 'decisions'),
      decisionDuration: histogram(meter, 'decisionDuration', DECISION_BOUNDS),
      approvals: counter(meter, 'approvals'),
      approvalWait: histogram(meter, 'approvalWait', WAIT_BOUNDS),
      executions: counter(meter, 'executions'),
      executionDuration: histogram(meter, 'executionDuration', RUN_BOUNDS),
      security: counter(meter, 'security'),
      policyChanges: counter(meter, 'policyChanges'),
    };
  }

  #observe(meter: OtelMeter, which: keyof Gauges): void {
    const read = this.#gauges[which];
    if (read === undefined) return;
    const { name, unit, description } = METRICS[which];
    meter.createObservableGauge(name, { unit, description }).addCallback(async (result) => {
      try {
        const value = await read();
        if (Number.isFinite(value)) result.observe(value);
      } catch (error) {
        this.#failed(error);
      }
    });
  }
}

function counter(meter: OtelMeter, which: Exclude<keyof Instruments, `${string}Duration` | 'approvalWait'>): OtelCounter {
  const { name, unit, description } = METRICS[which];
  return meter.createCounter(name, { unit, description });
}

function histogram(meter: OtelMeter, which: 'decisionDuration' | 'approvalWait' | 'executionDuration', bounds: number[]): OtelHistogram {
  const { name, unit, description } = METRICS[which];
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: bounds } });
}
