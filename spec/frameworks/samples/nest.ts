// An application of Nest with a guarded service behind a controller, over real HTTP. It is compiled with experimentalDecorators, like all Nest applications.
import * as common from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import * as core from '@nestjs/core';
import { AegisAgent, AegisGuard, AegisModule } from 'aegislib';
import type { Guarded } from 'aegislib';
import { aegisNest } from 'aegislib/nest';
import { tasksRoute } from 'aegislib/web';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const nest = aegisNest({ ...common, ...core });
const aegis = AegisModule.configure({ policies: { text: POLICIES }, sessions: 'async-local', resolve: nest.resolve, env: false });

interface UserRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: string;
}
interface Order {
  readonly order: string;
  readonly amount: number;
  readonly note: string;
}

@common.Injectable()
@AegisAgent('support-agent')
class RefundService {
  @AegisGuard({ toolName: 'refund' })
  async refund({ order, amount, note }: Order): Promise<Guarded<{ text: string }>> {
    return { text: `refunded ${amount} for ${order} (${note})` };
  }
}

/** Replace it by your authentication: its result is available when the session is opened. */
@common.Injectable()
class Doorman implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const user = { 'token-of-eve': 'eve', 'token-of-ann': 'ann' }[request.headers['authorization'] ?? ''];
    if (user === undefined) return false;
    request.user = user;
    return true;
  }
}

@common.Controller()
class RefundController {
  readonly #tasks = tasksRoute({ authorize: (request: UserRequest) => request.user === 'ann', show: ['result'] });

  constructor(@common.Inject(RefundService) private readonly refunds: RefundService) {}

  // a call that waits for a person becomes a 202 automatically
  @common.Post('refunds')
  @common.HttpCode(200)
  refund(@common.Body() order: Order): Promise<object> {
    return this.refunds.refund(order);
  }

  @common.Get('tasks/:id')
  async task(@common.Req() request: UserRequest, @common.Param('id') id: string): Promise<object> {
    const { status, body } = await this.#tasks({ request, id });
    if (status !== 200) throw new common.HttpException(body, status);
    return body;
  }
}

@common.Module({
  imports: [
    nest.forRoot({
      module: aegis,
      session: (context: ExecutionContext) => ({ user_id: context.switchToHttp().getRequest<UserRequest>().user }),
      tasksAt: '/tasks',
    }),
  ],
  controllers: [RefundController],
  providers: [RefundService, { provide: core.APP_GUARD, useClass: Doorman }],
})
class AppModule {}

const app = await core.NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();

async function ask(path: string, token: string, json?: Order): Promise<{ text: string; location: string }> {
  const response = await fetch(`${url}${path}`, {
    headers: { authorization: token, 'content-type': 'application/json' },
    ...(json && { method: 'POST', body: JSON.stringify(json) }),
  });
  return { text: `${response.status}: ${await response.text()}`, location: response.headers.get('location') ?? '' };
}

show('allow', (await ask('/refunds', 'token-of-eve', { order: 'order-1', amount: 20, note: 'late' })).text);
show('deny', (await ask('/refunds', 'token-of-eve', { order: 'order-2', amount: 5_000, note: 'angry' })).text);
show('sanitize', (await ask('/refunds', 'token-of-eve', { order: 'order-3', amount: 20, note: 'write to bob@example.com' })).text);
const asked = await ask('/refunds', 'token-of-eve', { order: 'order-4', amount: 250, note: 'broken' });
show('approval', asked.text);
const done = new Promise((resolve) => aegis.tasks.once('completed', resolve));
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
await done;
show('person', `eve looks at the stats: ${(await ask('/tasks/stats', 'token-of-eve')).text}`);
show('person', `ann looks at the stats: ${(await ask('/tasks/stats', 'token-of-ann')).text}`);
show('approval', (await ask(asked.location, 'token-of-ann')).text);
await app.close(); // closes the module of Aegis too
