/** Which limit an amount would exceed. */
export type TallyLimit = 'tenant' | 'server';

/** Counts something that tenants hold at a time, such as requests or bytes, and holds it below a limit for each and one for all. */
export class Tally {
  readonly #most: number;
  readonly #mostPerTenant: number;
  readonly #perTenant = new Map<string, number>();
  #all = 0;

  constructor(most: number, mostPerTenant: number) {
    this.#most = most;
    this.#mostPerTenant = mostPerTenant;
  }

  /** How much all tenants hold. */
  get all(): number {
    return this.#all;
  }

  /** How many tenants hold something. */
  get tenants(): number {
    return this.#perTenant.size;
  }

  /** @returns gives it back, and is called once; or the limit that stands against it */
  take(tenantId: string, amount: number): (() => void) | TallyLimit {
    const held = (this.#perTenant.get(tenantId) ?? 0) + amount;
    if (this.#all + amount > this.#most) return 'server';
    if (held > this.#mostPerTenant) return 'tenant';
    this.#all += amount;
    this.#perTenant.set(tenantId, held);
    return () => {
      this.#all -= amount;
      const left = (this.#perTenant.get(tenantId) as number) - amount;
      if (left === 0) this.#perTenant.delete(tenantId);
      else this.#perTenant.set(tenantId, left);
    };
  }
}
