// Preloaded by `node --import`: this process's wall clock is AEGIS_SPEC_SHIFT_MS ahead of the machine's, or behind it. Its monotonic clock is right.
const shiftMs = Number(process.env['AEGIS_SPEC_SHIFT_MS'] ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [RealDate.now() + shiftMs] : given) as []));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;
