// Guards in a NestJS-style program: experimentalDecorators and emitDecoratorMetadata, services created by a container, DTOs that are classes. The import
// is the same as elsewhere; the decorator recognizes its kind by its arguments. This folder has its own tsconfig.json.
import {
  AegisAgent,
  AegisGuard,
  AegisModule,
  ForbiddenError,
  LegacyAegisGuard,
  getGuard,
  isPending,
  listGuards,
  type Guarded,
} from 'aegislib';
import { Container, Injectable } from './container.js';

class RefundDto {
  readonly orderId: string;
  readonly cents: number;

  constructor(orderId: string, cents: number) {
    this.orderId = orderId;
    this.cents = cents;
  }

  get label(): string {
    return `${this.orderId} (${this.cents / 100})`;
  }
}

@Injectable()
class Ledger {
  readonly entries: string[] = [];
}

@Injectable()
@AegisAgent('support-agent')
class RefundService {
  readonly tenant: string = 'acme';
  readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  // `plain`: policies see the DTO's own data, and the method gets a RefundDto again
  @AegisGuard({ toolName: 'refund', params: ['dto'], plain: ['dto'] })
  async refund(dto: RefundDto): Promise<Guarded<string>> {
    this.ledger.entries.push(dto.label);
    return `refunded ${dto.label}`;
  }

  // LegacyAegisGuard is the same function, typed so that `self` is the class under experimentalDecorators
  @LegacyAegisGuard({ toolName: 'export', params: ['rows'], approval: 'wait', session: (self: RefundService) => ({ tenant: self.tenant }) })
  async export(rows: number): Promise<string> {
    return `exported ${rows} rows`;
  }
}

const aegis = AegisModule.configure({
  env: false,
  policies: {
    text: `
      @id("allow-tools")
      permit (principal == Aegis::Agent::"support-agent", action, resource);

      @id("large-refunds") @effect("approval_needed") @reason("refunds over 100 need a person")
      forbid (principal, action == Aegis::Action::"refund", resource)
      when { context.input.dto.cents > 10000 };

      @id("acme-exports") @reason("acme exports 1000 rows at most")
      forbid (principal, action == Aegis::Action::"export", resource)
      when { context.session.tenant == "acme" && context.input.rows > 1000 };`,
  },
});

const service = new Container().get(RefundService);
console.log(
  `guards    ${listGuards(RefundService)
    .map((guard) => guard.toolName)
    .join(', ')}`,
);
console.log(`mode      export: ${getGuard(RefundService, 'export')?.approval}`);

console.log(`allow     ${String(await service.refund(new RefundDto('order-1', 1999)))}`);

const refund = await service.refund(new RefundDto('order-2', 25_000));
if (isPending(refund)) {
  console.log(`approval  ${refund.message}`);
  const request = await aegis.approvals.get(refund.decisionId);
  await aegis.approvals.approve(refund.decisionId, { by: 'ann', digest: request?.digest });
  console.log(`approval  ${await refund.completed}`);
}

console.log(`allow     ${await service.export(10)}`);
try {
  await service.export(5000);
} catch (error) {
  if (!(error instanceof ForbiddenError)) throw error;
  console.log(`deny      ${error.message}`);
}
console.log(`ledger    ${service.ledger.entries.join(', ')}`);
await aegis.close();
