// What 'aegislib/otel' exports. Written by npm run api:update; review what changes here.

export declare const ATTRIBUTES: {
    readonly operation: 'gen_ai.operation.name';
    readonly tool: 'gen_ai.tool.name';
    readonly agent: 'gen_ai.agent.id';
    readonly effect: 'aegis.effect';
    readonly decisionId: 'aegis.decision.id';
    readonly approvalId: 'aegis.approval.id';
    readonly taskId: 'aegis.task.id';
    readonly policySet: 'aegis.policy_set.hash';
    readonly dryRun: 'aegis.dry_run';
    readonly outcome: 'aegis.outcome';
    readonly approved: 'aegis.approved';
    readonly code: 'aegis.code';
    readonly link: 'aegis.link';
    readonly errorType: 'error.type';
};

export type AttributeValue = string | number | boolean;

export interface InstrumentOptions {
    readonly unit?: string;
    readonly description?: string;
    readonly advice?: {
        readonly explicitBucketBoundaries?: number[];
    };
}

export interface InstrumentationOptions {
    readonly api?: OtelApi | undefined;
    readonly spans?: 'decisions' | 'tools' | 'off' | undefined;
    readonly metrics?: boolean | undefined;
    readonly pending?: (() => number | Promise<number>) | undefined;
    readonly auditQueue?: (() => number | Promise<number>) | undefined;
}

export declare const METRICS: {
    readonly decisions: {
        readonly name: 'aegis.decisions';
        readonly unit: '{decision}';
        readonly description: 'Decisions on calls, by effect and tool.';
    };
    readonly decisionDuration: {
        readonly name: 'aegis.decision.duration';
        readonly unit: 's';
        readonly description: 'How long a decision took, by effect.';
    };
    readonly approvals: {
        readonly name: 'aegis.approvals';
        readonly unit: '{approval}';
        readonly description: 'Approvals that were opened or have ended, by outcome and tool.';
    };
    readonly approvalWait: {
        readonly name: 'aegis.approval.wait';
        readonly unit: 's';
        readonly description: 'From the question to the verdict or the end, by outcome.';
    };
    readonly pending: {
        readonly name: 'aegis.approvals.pending';
        readonly unit: '{approval}';
        readonly description: 'Approvals that wait for a person.';
    };
    readonly executions: {
        readonly name: 'aegis.executions';
        readonly unit: '{execution}';
        readonly description: 'Runs of guarded methods, by outcome and tool.';
    };
    readonly executionDuration: {
        readonly name: 'aegis.execution.duration';
        readonly unit: 's';
        readonly description: 'How long a guarded method ran, by outcome.';
    };
    readonly security: {
        readonly name: 'aegis.security.events';
        readonly unit: '{event}';
        readonly description: 'Answers and verdicts that looked forged, by code.';
    };
    readonly policyChanges: {
        readonly name: 'aegis.policies.changes';
        readonly unit: '{change}';
        readonly description: 'Policy sets that came into force.';
    };
    readonly auditQueue: {
        readonly name: 'aegis.audit.queued';
        readonly unit: '{record}';
        readonly description: 'Audit records that are not on disk yet.';
    };
};

export interface MeterProvider {
    getMeter(name: string, version?: string): OtelMeter;
}

export interface OtelApi {
    readonly trace: {
        getTracerProvider(): TracerProvider;
        getActiveSpan(): {
            spanContext(): SpanContext;
        } | undefined;
    };
    readonly metrics: {
        getMeterProvider(): MeterProvider;
    };
    createNoopMeter?(): OtelMeter;
}

export interface OtelCounter {
    add(value: number, attributes?: Record<string, AttributeValue>): void;
}

export interface OtelHistogram {
    record(value: number, attributes?: Record<string, AttributeValue>): void;
}

export interface OtelMeter {
    createCounter(name: string, options?: InstrumentOptions): OtelCounter;
    createHistogram(name: string, options?: InstrumentOptions): OtelHistogram;
    createObservableGauge(name: string, options?: InstrumentOptions): OtelObservableGauge;
}

export interface OtelObservableGauge {
    addCallback(callback: (result: {
        observe(value: number): void;
    }) => void | Promise<void>): void;
}

export interface OtelSpan {
    spanContext(): SpanContext;
    setAttribute(name: string, value: AttributeValue): unknown;
    setStatus(status: {
        readonly code: number;
        readonly message?: string;
    }): unknown;
    end(endTime?: number): void;
}

export interface OtelTracer {
    startSpan(name: string, options?: SpanStart): OtelSpan;
}

export declare const SPANS: {
    readonly decide: 'aegis.decide';
    readonly approval: 'aegis.approval';
    readonly run: 'execute_tool';
};

export interface SpanContext {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceFlags: number;
    readonly isRemote?: boolean | undefined;
}

export interface SpanStart {
    readonly kind?: number;
    readonly root?: boolean;
    readonly startTime?: number;
    readonly attributes?: Record<string, AttributeValue>;
    readonly links?: {
        readonly context: SpanContext;
        readonly attributes?: Record<string, AttributeValue>;
    }[];
}

export interface TracerProvider {
    getTracer(name: string, version?: string): OtelTracer;
    getDelegateTracer?(name: string, version?: string): OtelTracer | undefined;
}

export declare function instrument(options?: InstrumentationOptions): Journal;
