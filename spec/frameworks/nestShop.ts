import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  NotFoundException,
  Post,
  Query,
  Req,
  Scope,
  UnauthorizedException,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { AegisAgent, AegisGuard, LegacyAegisGuard } from 'aegislib';
import type { Guarded } from 'aegislib';

/** What the specs' requests look like once the host has looked who sends them. */
export interface ShopRequest {
  user?: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

@Injectable()
export class Ledger {
  readonly entries: string[] = [];
}

@Injectable()
@AegisAgent('shop')
export class Orders {
  constructor(@Inject(Ledger) readonly ledger: Ledger) {}

  @AegisGuard({ toolName: 'refund', params: ['id', 'amount'] })
  async refund(id: string, amount: number): Promise<Guarded<string>> {
    this.ledger.entries.push(id);
    return `refunded ${amount} for ${id}`;
  }

  @LegacyAegisGuard({ toolName: 'redeem', params: ['id', 'amount'], approval: 'throw' })
  async redeem(id: string, amount: number): Promise<string> {
    this.ledger.entries.push(id);
    return `redeemed ${amount} for ${id}`;
  }
}

/** One for each request. */
@Injectable({ scope: Scope.REQUEST })
@AegisAgent('shop')
export class Basket {
  constructor(
    @Inject(REQUEST) readonly request: ShopRequest | undefined,
    @Inject(Ledger) readonly ledger: Ledger,
  ) {}

  @AegisGuard({ toolName: 'fill', params: ['id', 'amount'] })
  async fill(id: string, amount: number): Promise<Guarded<string>> {
    this.ledger.entries.push(`${id} by an own instance`);
    return `filled ${amount} for ${id}`;
  }
}

interface Order {
  readonly id: string;
  readonly amount: number;
}

@Controller()
export class ShopController {
  constructor(
    @Inject(Orders) readonly orders: Orders,
    @Inject(Ledger) readonly ledger: Ledger,
  ) {}

  @Post('refunds')
  async refund(@Body() { id, amount }: Order): Promise<{ text: string } | Guarded<string>> {
    const result = await this.orders.refund(id, amount);
    return typeof result === 'string' ? { text: result } : result;
  }

  @Post('redeem')
  async redeem(@Body() { id, amount }: Order): Promise<object> {
    return { text: await this.orders.redeem(id, amount) };
  }

  @Get('whoami')
  whoami(@Req() request: ShopRequest): object {
    return { user: request.user };
  }

  @Get('fails')
  fails(@Query('how') how: string): never {
    if (how === 'found') throw new NotFoundException('no such order');
    if (how === 'own') throw new ShopClosed();
    throw new Error('a secret of the host');
  }
}

@Controller('baskets')
export class BasketController {
  constructor(@Inject(Basket) readonly basket: Basket) {}

  @Post()
  async fill(@Body() { id, amount }: Order): Promise<object> {
    const result = await this.basket.fill(id, amount);
    return typeof result === 'string' ? { text: result } : result;
  }
}

/** An error that the host has a filter for. */
export class ShopClosed extends Error {}

/** Stands for authentication, which Nest does in guards. */
@Injectable()
export class Doorman implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<ShopRequest>();
    const user = request.headers['x-user'];
    if (user === undefined) throw new UnauthorizedException();
    if (user === 'banned') throw new ForbiddenException('you are banned');
    request.user = user;
    return true;
  }
}
